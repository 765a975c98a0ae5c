//! Many who come at once in one browser, and what a logout ends.

use super::world::{NOW, finished, provider, request};
use super::{AUTHORIZE, Told, VERIFIER, refresh_form};
use crate::provider::authorize::{Answered, Authorized};
use crate::provider::end_session::Ending;
use crate::provider::redeem::{RedeemError, Redeemed};
use crate::provider::sign_on::{COOKIE, key};
use crate::provider::{Provider, TABLE};
use crate::session::{Kept, Purpose};
use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use countersign_core::request::OriginalRequest;
use countersign_core::time::Now;
use countersign_jose::json::parse_object;
use countersign_oidc::provider::response::Delivery;
use http::header;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

const BROWSER: &str = "AAAAAAAAAAAAAAAAAAAAAA";

/// A request of the browser that has this value.
fn of(value: &str) -> OriginalRequest {
    let mut request = request();
    let cookie = format!("{COOKIE}={value}").parse().unwrap();
    drop(request.headers.insert(header::COOKIE, cookie));
    request
}

/// The form by which a site redeems what this browser brings it.
fn code_form(provider: &Provider, site: &str, value: &str) -> String {
    code_form_at(provider, site, value, NOW)
}

fn code_form_at(provider: &Provider, site: &str, value: &str, now: Now) -> String {
    let query = AUTHORIZE.replace("app.test", site) + "&scope=openid+offline_access&countersign_click=1";
    let told = finished(provider.authorize(&of(value), query.as_bytes(), true, now));
    let Authorized::Told(Answered {
        delivery: Delivery::Redirect(location),
        ..
    }) = told
    else {
        panic!("{told:?}")
    };
    let code = location.expose().split("code=").nth(1).unwrap();
    let code = code.split('&').next().unwrap();
    format!(
        "grant_type=authorization_code&client_id=https://{site}&code_verifier={VERIFIER}&code={code}\
         &redirect_uri=https://{site}/.countersign/callback"
    )
}

fn redeemed(provider: &Provider, form: &str) -> Told {
    finished(provider.redeem(&request(), form.as_bytes(), NOW))
}

/// Logs out there; who is told.
fn logged_out(provider: &Provider, value: &str) -> Vec<Box<str>> {
    let form = b"countersign_click=1";
    let Ending::Ended(ended) = finished(provider.end_session(&of(value), form, true, NOW)) else {
        panic!("{TABLE}: the user is asked again")
    };
    ended.told.iter().map(|told| told.client_id.clone()).collect()
}

/// All of these to their ends, each a step at a time.
fn in_step<T>(futures: Vec<impl Future<Output = T>>) -> Vec<T> {
    let futures = futures.into_iter().map(Box::pin);
    let mut under_way = futures.map(Some).collect::<Vec<Option<Pin<Box<_>>>>>();
    let (mut done, mut context) = (Vec::new(), Context::from_waker(Waker::noop()));
    while under_way.iter().any(Option::is_some) {
        for slot in &mut under_way {
            if let Some(future) = slot
                && let Poll::Ready(told) = future.as_mut().poll(&mut context)
            {
                done.push(told);
                *slot = None;
            }
        }
    }
    done
}

#[test]
fn many_sites_at_once_in_one_browser_are_all_known_in_the_end() {
    let (provider, request) = (provider(), request());
    let sites = (0..60).map(|number| format!("n{number}.sites.test"));
    let forms = sites.map(|site| code_form(&provider, &site, BROWSER));
    let forms = forms.collect::<Vec<_>>();
    let redeem = |form| provider.redeem(&request, form, NOW);
    let told = in_step(forms.iter().map(|form| redeem(form.as_bytes())).collect());
    for told in told {
        drop(told.unwrap());
    }
    assert_eq!(logged_out(&provider, BROWSER).len(), 60);
}

#[test]
fn what_a_logout_has_ended_stays_so_when_nobody_knows_of_the_logout_any_more() {
    let provider = provider();
    let told = redeemed(&provider, &code_form(&provider, "app.test", BROWSER)).unwrap();
    let late = code_form(&provider, "n1.sites.test", BROWSER);
    assert_eq!(logged_out(&provider, BROWSER), ["https://app.test".into()]);
    let key = provider.own(key(BROWSER, "ann").as_bytes());
    assert_eq!(
        finished(provider.sessions.forget(Purpose::SignOns, &key)),
        Ok(true)
    );
    for form in [refresh_form(&told), late] {
        let told = redeemed(&provider, &form);
        assert!(matches!(told, Err(RedeemError::Refused { .. })), "{told:?}");
    }
}

#[test]
fn who_has_logged_out_begins_another_session_and_ends_that_one_too() {
    let provider = provider();
    let out = format!("out.{BROWSER}");
    let first = redeemed(&provider, &code_form(&provider, "app.test", BROWSER)).unwrap();
    assert_eq!(logged_out(&provider, BROWSER).len(), 1);
    let second = redeemed(&provider, &code_form(&provider, "app.test", &out)).unwrap();
    drop(redeemed(&provider, &code_form(&provider, "n1.sites.test", BROWSER)).unwrap());
    let told = redeemed(&provider, &refresh_form(&second));
    drop(told.unwrap());
    drop(redeemed(&provider, &refresh_form(&first)).unwrap_err());
    assert_eq!(logged_out(&provider, BROWSER).len(), 2);
    assert_eq!(logged_out(&provider, BROWSER).len(), 0);
}

/// The ID Token of what was redeemed.
fn id_token(told: &Redeemed) -> String {
    let answer = parse_object(told.answer.expose().as_bytes()).unwrap();
    answer.member("id_token").unwrap().as_str().unwrap().to_owned()
}

/// What its session is called.
fn sid(told: &Redeemed) -> String {
    let token = id_token(told);
    let payload = token.split('.').nth(1).unwrap();
    let claims = parse_object(&BASE64_URL_SAFE_NO_PAD.decode(payload).unwrap()).unwrap();
    claims.member("sid").unwrap().as_str().unwrap().to_owned()
}

#[test]
fn what_was_logged_out_of_does_not_count_again_when_nobody_knows_of_the_logout_any_more() {
    let provider = provider();
    let first = redeemed(&provider, &code_form(&provider, "app.test", BROWSER)).unwrap();
    assert_eq!(logged_out(&provider, BROWSER).len(), 1);
    let key = provider.own(key(BROWSER, "ann").as_bytes());
    assert_eq!(
        finished(provider.sessions.forget(Purpose::SignOns, &key)),
        Ok(true)
    );
    let later = NOW.wall.plus(Duration::from_secs(1));
    let now = Now { wall: later, ..NOW };
    let form = code_form_at(&provider, "app.test", BROWSER, now);
    let second = finished(provider.redeem(&request(), form.as_bytes(), now)).unwrap();
    assert_ne!(sid(&first), sid(&second));
    let hint = |told: &Redeemed| {
        let form = format!("id_token_hint={}", id_token(told));
        finished(provider.end_session(&of(BROWSER), form.as_bytes(), false, now))
    };
    assert!(matches!(hint(&first), Ending::Asks(_)));
    assert!(matches!(hint(&second), Ending::Ended(_)));
}

#[test]
fn a_logout_ends_what_goes_on_where_what_is_known_cannot_be_read() {
    let provider = provider();
    let name = provider.own(key(BROWSER, "ann").as_bytes());
    let logout = |request, form: &str| {
        let told = finished(provider.end_session(&request, form.as_bytes(), true, NOW));
        assert!(matches!(told, Ending::Ended(_)), "{told:?}");
    };
    for by_another_browser in [false, true] {
        let told = redeemed(&provider, &code_form(&provider, "app.test", BROWSER)).unwrap();
        let kept = finished(provider.sessions.read(Purpose::SignOns, &name, NOW));
        let kept = Kept {
            value: br#"{"subject":"ann","clients":["https://app.test"]}"#.to_vec(),
            ..kept.unwrap().unwrap()
        };
        let written = provider.sessions.write(Purpose::SignOns, &name, &kept, NOW.wall);
        assert_eq!(finished(written), Ok(()));
        if by_another_browser {
            let form = format!("countersign_click=1&countersign_session={}", sid(&told));
            logout(request(), &form);
        } else {
            logout(of(BROWSER), "countersign_click=1");
        }
        let told = redeemed(&provider, &refresh_form(&told));
        assert!(matches!(told, Err(RedeemError::Refused { .. })), "{told:?}");
    }
}

#[test]
fn where_somebody_is_logged_in_is_known_for_as_long_as_there_are_new_tokens_after_each_login() {
    let provider = provider();
    let at = |hours| Now {
        wall: NOW.wall.plus(Duration::from_hours(hours)),
        ..NOW
    };
    for hours in [0, 23] {
        let form = code_form_at(&provider, "app.test", BROWSER, at(hours));
        drop(finished(provider.redeem(&request(), form.as_bytes(), at(hours))).unwrap());
    }
    let form = b"countersign_click=1";
    let Ending::Ended(ended) = finished(provider.end_session(&of(BROWSER), form, true, at(46))) else {
        panic!("the user is asked again")
    };
    assert_eq!(ended.told.len(), 1);
}

#[test]
fn tabs_that_log_in_at_once_where_nothing_is_known_are_in_one_session() {
    let provider = provider();
    let at = |seconds| Now {
        wall: NOW.wall.plus(Duration::from_secs(seconds)),
        ..NOW
    };
    let tab = |site, seconds| code_form_at(&provider, site, BROWSER, at(seconds));
    let (first, second) = (tab("app.test", 0), tab("n1.sites.test", 1));
    let second = redeemed(&provider, &second).unwrap();
    let first = redeemed(&provider, &first).unwrap();
    assert_eq!(sid(&first), sid(&second));
    drop(redeemed(&provider, &refresh_form(&first)).unwrap());
    assert_eq!(logged_out(&provider, BROWSER).len(), 2);
}
