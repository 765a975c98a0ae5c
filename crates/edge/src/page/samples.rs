//! Every page with something on it: what own templates are tried with before they are taken, and what tests look at.

use super::Words;
use super::href::Href;
use super::kinds::{
    Certificate, Click, Flaw, Forbidden, HandOn, Insecure, NotSent, Page, Provider, SignIn, SignOut,
    SignedOut, Trouble, Whoami,
};
use countersign_core::reason::{AnswerReason, UnmetReason};
use countersign_core::request::RequestId;
use http::StatusCode;

/// Every page, full and bare, and every kind of refusal; each with a name of its own.
pub(super) fn all() -> Vec<(String, Words)> {
    let refusals = [400, 401, 403, 404, 429, 500, 501, 503].map(|status| {
        let status = StatusCode::from_u16(status).unwrap_or_default();
        (
            format!("refused-{}", status.as_u16()),
            words(status, Page::Refused),
        )
    });
    let pages = full()
        .into_iter()
        .map(|(status, page)| (name(&page, "full"), words(status, page)));
    let bare = bare()
        .into_iter()
        .map(|(status, page)| (name(&page, "bare"), words(status, page)));
    let flaws = Flaw::ALL.map(|flaw| {
        let again = Href::new("/.countersign/authorize?client_id=grafana");
        let page = Page::Certificate(Certificate { flaw, again });
        (name(&page, flaw.key()), words(StatusCode::FORBIDDEN, page))
    });
    let refusals = refusals.into_iter().chain(flaws);
    refusals.chain(pages).chain(bare).collect()
}

fn name(page: &Page, how: &str) -> String {
    format!("{}-{how}", page.template().trim_end_matches(".html"))
}

fn words(status: StatusCode, page: Page) -> Words {
    let (code, meaning) = match status {
        StatusCode::FORBIDDEN => (UnmetReason::Group.code(), UnmetReason::Group.meaning()),
        _ => (
            AnswerReason::NoCredential.code(),
            AnswerReason::NoCredential.meaning(),
        ),
    };
    let mut words = Words::plain(
        RequestId(0x0193_5c7e_2f1b_4a0d_9c3e_5b7a_1d2f_4e60),
        status,
        code,
        meaning,
    );
    words.retry_after = matches!(page, Page::TooMany).then_some(30);
    words.html = true;
    words.page = page;
    words
}

fn full() -> Vec<(StatusCode, Page)> {
    let mut pages = sessions();
    pages.extend(refusals());
    pages.extend(provided().map(|page| (StatusCode::OK, page)));
    pages
}

/// On the way to an application that asks our own OpenID Provider.
fn provided() -> impl Iterator<Item = Page> {
    let hand_on = Href::new("https://app.example/callback").map(|action| {
        Page::HandOn(HandOn {
            action,
            fields: vec![pair("code", "x\"y"), pair("state", "a b")],
            origin: "https://app.example".to_owned(),
        })
    });
    let click = Href::new("/.countersign/authorize?client_id=grafana").map(|go| {
        Page::Click(Click {
            who: WHO.to_owned(),
            client: "an-application-of-a-rather-long-name.example".to_owned(),
            go,
        })
    });
    [hand_on, click].into_iter().flatten()
}

/// Somebody whose name needs room.
const WHO: &str = "ann.the.one.with.a.long.name@staff.example.org";

fn pair(name: &str, value: &str) -> (String, String) {
    (name.to_owned(), value.to_owned())
}

/// Around logging in and out.
fn sessions() -> Vec<(StatusCode, Page)> {
    let provider = |name: &str| {
        let href = Href::new("/.countersign/login?with=home&to=%2Freports%2F2030")?;
        let name = name.to_owned();
        Some(Provider { name, href })
    };
    let providers = ["Example & Sons", "Home <office>", "GitHub"];
    let sign_in = SignIn {
        providers: providers.into_iter().filter_map(provider).collect(),
    };
    let signed_out = SignedOut {
        sign_in: Href::new("/"),
        still_at: Some("Example & Sons".to_owned()),
        ..SignedOut::default()
    };
    let whoami = Whoami {
        who: Some(WHO.to_owned()),
        facts: vec![
            pair("subject", "248289761001"),
            pair(
                "issuer",
                "https://op.example/realms/a-rather-long-name-of-a-realm",
            ),
            pair("groups", "staff, operators, people <of> \"weight\""),
        ],
        sign_out: Href::new("/.countersign/logout"),
    };
    let sign_out = Href::new("/.countersign/logout")
        .zip(Href::new("/"))
        .map(|(action, stay)| SignOut {
            who: Some(WHO.to_owned()),
            action,
            fields: vec![pair("token", "x\"y")],
            ends_at: vec!["https://op.example".to_owned()],
            stay,
            everywhere: false,
        });
    let pages = [
        Some(Page::SignIn(sign_in)),
        Some(Page::SignedOut(signed_out)),
        sign_out.map(Page::SignOut),
        Some(Page::Whoami(whoami)),
    ];
    let pages = pages.into_iter().flatten();
    pages.map(|page| (StatusCode::OK, page)).collect()
}

fn refusals() -> [(StatusCode, Page); 5] {
    let forbidden = Forbidden {
        who: Some(WHO.to_owned()),
        as_another: Href::new("/.countersign/login?to=%2F"),
    };
    let trouble = Trouble {
        provider: Some("Example & Sons".to_owned()),
        again: Href::new("/.countersign/login?to=%2F"),
    };
    let not_sent = NotSent {
        sign_in: Href::new("/.countersign/login?to=%2Fform"),
        back: Href::new("/form"),
    };
    let insecure = Insecure {
        secure: Href::new("https://app.example/"),
    };
    [
        (StatusCode::FORBIDDEN, Page::Forbidden(forbidden)),
        (StatusCode::BAD_GATEWAY, Page::Trouble(trouble)),
        (StatusCode::UNAUTHORIZED, Page::NotSent(not_sent)),
        (StatusCode::FORBIDDEN, Page::Insecure(insecure)),
        (StatusCode::TOO_MANY_REQUESTS, Page::TooMany),
    ]
}

fn bare() -> Vec<(StatusCode, Page)> {
    let mut pages = vec![
        (
            StatusCode::OK,
            Page::SignIn(SignIn {
                providers: Vec::new(),
            }),
        ),
        (
            StatusCode::OK,
            Page::SignedOut(SignedOut {
                everywhere: true,
                ..SignedOut::default()
            }),
        ),
        (
            StatusCode::OK,
            Page::SignedOut(SignedOut {
                everywhere: true,
                told: true,
                ..SignedOut::default()
            }),
        ),
        (
            StatusCode::OK,
            Page::SignedOut(SignedOut {
                everywhere: true,
                told: true,
                not_all: true,
                ..SignedOut::default()
            }),
        ),
        (StatusCode::FORBIDDEN, Page::Forbidden(Forbidden::default())),
        (StatusCode::BAD_GATEWAY, Page::Trouble(Trouble::default())),
        (StatusCode::UNAUTHORIZED, Page::NotSent(NotSent::default())),
        (StatusCode::FORBIDDEN, Page::Insecure(Insecure::default())),
        (StatusCode::FORBIDDEN, Page::Certificate(Certificate::default())),
        (StatusCode::OK, Page::Whoami(Whoami::default())),
    ];
    pages.extend(Href::new("/").map(|place| {
        let page = SignOut {
            who: None,
            action: place.clone(),
            fields: Vec::new(),
            ends_at: Vec::new(),
            stay: place,
            everywhere: true,
        };
        (StatusCode::OK, Page::SignOut(page))
    }));
    pages
}
