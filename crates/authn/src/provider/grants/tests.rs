//! Two who come with the same thing at once: whatever the order of their steps, one gets tokens at most, and nothing of it stays.

use crate::provider::Provider;
use crate::provider::redeem::{RedeemError, Redeemed};
use bytes::Bytes;
use countersign_jose::json::parse_object;
use countersign_jose::token::UnverifiedToken;
use countersign_oidc::relying_party::token::TokenResponse;
use http::{HeaderValue, Response, header};
use std::task::{Context, Poll, Waker};
use world::{NOW, finished, provider, provider_with, request, two_on_one_store};

mod sessions;
mod world;

const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
const AUTHORIZE: &str = "client_id=https://app.test&redirect_uri=https://app.test/.countersign/callback&response_type=code\
                         &code_challenge_method=S256\
                         &code_challenge=E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

type Told = Result<Redeemed, RedeemError>;

/// How far one goes before the other does, three times; then both go to their ends.
type Order = [usize; 3];

/// Every one: a redemption pauses fewer times than that.
fn orders() -> impl Iterator<Item = Order> {
    let most = 0..10;
    most.clone()
        .flat_map(move |one| most.clone().map(move |two| (one, two)))
        .flat_map(|(one, two)| (0..10).map(move |three| [one, two, three]))
}

fn interleaved(
    one: impl Future<Output = Told>,
    other: impl Future<Output = Told>,
    order: Order,
) -> [Told; 2] {
    let (mut one, mut other) = (std::pin::pin!(one), std::pin::pin!(other));
    let mut context = Context::from_waker(Waker::noop());
    let (mut first, mut second) = (None, None);
    let [before, between, after] = order;
    for (turn, steps) in [
        (true, before),
        (false, between),
        (true, after),
        (false, 100),
        (true, 100),
    ] {
        for _ in 0..steps {
            if turn && first.is_none() {
                if let Poll::Ready(told) = one.as_mut().poll(&mut context) {
                    first = Some(told);
                }
            } else if !turn
                && second.is_none()
                && let Poll::Ready(told) = other.as_mut().poll(&mut context)
            {
                second = Some(told);
            }
        }
    }
    [first.unwrap(), second.unwrap()]
}

fn code_form(provider: &Provider) -> String {
    code_form_for(provider, "openid+offline_access")
}

fn code_form_for(provider: &Provider, scope: &str) -> String {
    use crate::provider::authorize::Authorized;
    use countersign_oidc::provider::response::Delivery;
    let query = format!("{AUTHORIZE}&scope={scope}");
    let told = finished(provider.authorize(&request(), query.as_bytes(), false, NOW));
    let Authorized::Told(answered) = told else {
        panic!("{told:?}")
    };
    let Delivery::Redirect(location) = answered.delivery else {
        panic!("{answered:?}")
    };
    let code = location.expose().split("code=").nth(1).unwrap();
    let code = code.split('&').next().unwrap();
    format!(
        "grant_type=authorization_code&client_id=https://app.test&redirect_uri=https://app.test/.countersign/callback\
         &code={code}&code_verifier={VERIFIER}"
    )
}

fn refresh_form(told: &Redeemed) -> String {
    let answer = parse_object(told.answer.expose().as_bytes()).unwrap();
    let token = answer.member("refresh_token").unwrap().as_str().unwrap();
    format!("grant_type=refresh_token&client_id=https://app.test&refresh_token={token}")
}

/// Whoever of the two got tokens: nothing more is to be had for them.
fn nothing_stays(provider: &Provider, told: [Told; 2], order: Order) {
    let given = told.into_iter().flatten().collect::<Vec<_>>();
    assert!(given.len() < 2, "{order:?}: both got tokens");
    for given in given {
        let more = finished(provider.redeem(&request(), refresh_form(&given).as_bytes(), NOW));
        assert!(
            matches!(more, Err(RedeemError::Refused { .. })),
            "{order:?}: {more:?}"
        );
    }
}

#[test]
fn a_code_that_comes_twice_at_once_ends_what_was_given_for_it() {
    for order in orders() {
        let provider = provider();
        let form = code_form(&provider);
        let request = request();
        let redeem = || provider.redeem(&request, form.as_bytes(), NOW);
        let told = interleaved(redeem(), redeem(), order);
        nothing_stays(&provider, told, order);
    }
}

#[test]
fn a_refresh_token_that_comes_twice_at_once_ends_its_grant() {
    for order in orders() {
        let provider = provider();
        let first = finished(provider.redeem(&request(), code_form(&provider).as_bytes(), NOW));
        let form = refresh_form(&first.unwrap());
        let request = request();
        let redeem = || provider.redeem(&request, form.as_bytes(), NOW);
        let told = interleaved(redeem(), redeem(), order);
        nothing_stays(&provider, told, order);
    }
}

#[test]
fn one_after_the_other_everybody_gets_the_next() {
    let provider = provider();
    let mut form = code_form(&provider);
    for _ in 0..5 {
        let told = finished(provider.redeem(&request(), form.as_bytes(), NOW));
        form = refresh_form(&told.unwrap());
    }
}

#[test]
fn what_one_provider_gave_is_nothing_at_another_on_the_same_store() {
    let [own, other] = two_on_one_store();
    let redeemed =
        |provider: &Provider, form: &str| finished(provider.redeem(&request(), form.as_bytes(), NOW));
    let form = code_form(&own);
    drop(redeemed(&other, &form).unwrap_err());
    let told = redeemed(&own, &form).unwrap();
    let refresh = refresh_form(&told);
    drop(redeemed(&other, &refresh).unwrap_err());
    drop(redeemed(&own, &refresh).unwrap());
    let answer = parse_object(told.answer.expose().as_bytes()).unwrap();
    let access = answer.member("access_token").unwrap().as_str().unwrap();
    assert!(own.userinfo(access, NOW).is_some());
    assert!(other.userinfo(access, NOW).is_none());
}

#[test]
fn no_token_is_given_that_a_site_or_the_userinfo_endpoint_does_not_take() {
    let given = |groups: usize, scope: &str| {
        let provider = provider_with(groups);
        let form = code_form_for(&provider, scope);
        let told = finished(provider.redeem(&request(), form.as_bytes(), NOW))?;
        let answer = parse_object(told.answer.expose().as_bytes()).unwrap();
        let token = |name| answer.member(name).unwrap().as_str().unwrap();
        let access = token("access_token");
        drop(UnverifiedToken::parse(token("id_token")).unwrap());
        let mut taken = Response::new(Bytes::from(told.answer.expose().clone()));
        let json = HeaderValue::from_static("application/json");
        drop(taken.headers_mut().insert(header::CONTENT_TYPE, json));
        drop(TokenResponse::read(&taken).unwrap());
        let told = provider.userinfo(access, NOW);
        assert!(told.is_some(), "{groups} groups: {} bytes", access.len());
        Ok::<_, RedeemError>(told.unwrap())
    };
    for groups in [0, 200, 300, 400] {
        let told = given(groups, "openid+groups").unwrap();
        assert_eq!(told.matches("a-group-of-the-house").count(), groups);
    }
    for groups in [450, 500, 600, 5000] {
        let Err(RedeemError::Refused { error, detail }) = given(groups, "openid+groups") else {
            panic!("{groups}");
        };
        assert_eq!(error.code(), "invalid_scope");
        assert!(detail.contains(&format!("ann, {groups} groups")), "{detail}");
        // What is not asked for takes no room.
        let told = given(groups, "openid+email").unwrap();
        assert!(!told.contains("groups"), "{told}");
    }
}

/// `text` with the letter at `at` in the other case, or another one where it has none.
fn changed(text: &str, at: usize) -> String {
    let mut bytes = text.as_bytes().to_vec();
    bytes[at] = match bytes[at] {
        letter if letter.is_ascii_alphabetic() => letter ^ 0x20,
        b'0' => b'1',
        _ => b'0',
    };
    String::from_utf8(bytes).unwrap()
}

#[test]
fn what_was_cut_or_changed_by_a_letter_is_worth_nothing() {
    let refused = |provider: &Provider, form: &str| {
        let told = finished(provider.redeem(&request(), form.as_bytes(), NOW));
        assert!(
            matches!(told, Err(RedeemError::Refused { .. })),
            "{form}: {told:?}"
        );
    };
    let provider = provider();
    let form = code_form(&provider);
    let (before, code) = form.split_once("&code=").unwrap();
    let (code, after) = code.split_once('&').unwrap();
    for at in 0..code.len() {
        refused(&provider, &format!("{before}&code={}&{after}", &code[..at]));
        refused(&provider, &format!("{before}&code={}&{after}", changed(code, at)));
    }
    refused(&provider, &format!("{before}&code={code}A&{after}"));
    let told = finished(provider.redeem(&request(), form.as_bytes(), NOW)).unwrap();
    let form = refresh_form(&told);
    let (before, token) = form.rsplit_once('=').unwrap();
    let secret_begins = token.len() / 2;
    for at in 0..token.len() {
        refused(&provider, &format!("{before}={}", &token[..at]));
        if at + 1 < secret_begins {
            refused(&provider, &format!("{before}={}", changed(token, at)));
        }
    }
    refused(&provider, &format!("{before}={token}A"));
    let told = finished(provider.redeem(&request(), form.as_bytes(), NOW)).unwrap();
    // Another secret of the same grant is an old one, or a guess: nobody guesses twice.
    let form = refresh_form(&told);
    let (before, token) = form.rsplit_once('=').unwrap();
    refused(
        &provider,
        &format!("{before}={}", changed(token, secret_begins + 2)),
    );
    refused(&provider, &form);
}
