//! Pages and problems, as they go out.

use super::*;
use http_body_util::BodyExt as _;

async fn text(mut response: Response<Body>, pages: &Pages) -> (Response<()>, String) {
    assert_eq!(pages.dress(&mut response).map(|(mistake, _)| mistake), None);
    let (head, body) = response.into_parts();
    let bytes = body.collect().await.unwrap().to_bytes();
    (
        Response::from_parts(head, ()),
        String::from_utf8(bytes.to_vec()).unwrap(),
    )
}

fn words(html: bool) -> Words {
    let plain = Words::plain(
        RequestId(7),
        StatusCode::FORBIDDEN,
        "group_unmet",
        "In none of the groups.",
    );
    Words { html, ..plain }
}

fn own(files: &[(&str, &str)]) -> Result<Pages, String> {
    let files = files
        .iter()
        .map(|(name, content)| ((*name).to_owned(), content.as_bytes().to_vec()))
        .collect::<Vec<_>>();
    Pages::with(&files).map_err(|mistakes| {
        let told = mistakes.iter().map(ToString::to_string);
        told.collect::<Vec<_>>().join("\n")
    })
}

#[tokio::test]
async fn every_page_is_whole_small_and_without_anything_from_elsewhere_and_one_has_a_script() {
    for (name, response) in Pages::samples() {
        let (head, page) = text(response, &Pages::built_in()).await;
        assert!(page.len() < 20_000, "{name}: {} bytes", page.len());
        assert!(
            page.starts_with("<!doctype html>") && page.trim_end().ends_with("</html>"),
            "{name}"
        );
        for once in ["<main>", "<h1>", "<title>", "<html lang=\"en\""] {
            assert_eq!(page.matches(once).count(), 1, "{name}: {once}");
        }
        // It sends its form, so that nobody has to.
        let scripts = usize::from(name.starts_with("hand-on"));
        assert_eq!(page.matches("<script").count(), scripts, "{name}");
        for never in ["src=", "<link", "url(", "{{", "{%", "javascript:", " style="] {
            assert!(!page.contains(never), "{name}: {never}");
        }
        assert_eq!(
            head.headers()["content-type"],
            "text/html; charset=utf-8",
            "{name}"
        );
        // What is clicked on these is believed for whence it comes.
        let referrer = if name.starts_with("sign-out") || name.starts_with("click") {
            "same-origin"
        } else {
            "no-referrer"
        };
        assert_eq!(head.headers()["referrer-policy"], referrer, "{name}");
        assert_eq!(head.headers()["x-content-type-options"], "nosniff", "{name}");
        let policy = head.headers()["content-security-policy"].to_str().unwrap();
        assert!(
            policy.starts_with("default-src 'none'; style-src 'sha256-"),
            "{name}"
        );
        assert!(policy.ends_with("; frame-ancestors 'none'"), "{name}");
        assert!(
            page.contains("<form") || policy.contains("form-action 'none'"),
            "{name}"
        );
    }
}

#[tokio::test]
async fn the_policy_allows_the_pages_own_style_and_names_where_a_form_ends() {
    use aws_lc_rs::digest;
    use base64::Engine as _;
    let samples = Pages::samples();
    let (_, response) = samples
        .into_iter()
        .find(|(name, _)| name == "sign-out-full")
        .unwrap();
    let (head, page) = text(response, &Pages::built_in()).await;
    let style = page
        .split_once("<style>")
        .unwrap()
        .1
        .split_once("</style>")
        .unwrap()
        .0;
    let hash = base64::prelude::BASE64_STANDARD.encode(digest::digest(&digest::SHA256, style.as_bytes()));
    let policy = head.headers()["content-security-policy"].to_str().unwrap();
    assert!(policy.contains(&format!("style-src 'sha256-{hash}'")));
    assert!(policy.contains("form-action 'self' https://op.example;"));
}

#[tokio::test]
async fn the_one_script_is_named_by_its_hash_and_its_form_goes_to_one_origin() {
    use aws_lc_rs::digest;
    use base64::Engine as _;
    let samples = Pages::samples();
    let (_, response) = samples
        .into_iter()
        .find(|(name, _)| name == "hand-on-full")
        .unwrap();
    let (head, page) = text(response, &Pages::built_in()).await;
    let (_, script) = page.split_once("<script>").unwrap();
    let (script, _) = script.split_once("</script>").unwrap();
    let hash = base64::prelude::BASE64_STANDARD.encode(digest::digest(&digest::SHA256, script.as_bytes()));
    let policy = head.headers()["content-security-policy"].to_str().unwrap();
    let wanted = format!(
        "; script-src 'sha256-{hash}'; base-uri 'none'; form-action https://app.example; frame-ancestors 'none'"
    );
    assert!(policy.ends_with(&wanted), "{policy}");
}

#[tokio::test]
async fn a_page_tells_the_code_and_plain_words_and_a_problem_is_json() {
    let (head, page) = text(render(&words(true)), &Pages::built_in()).await;
    assert!(page.contains("group_unmet") && page.contains("you are in none of them"));
    assert!(page.contains("You may not see this"));
    assert_eq!(head.status(), 403);
    let (head, problem) = text(render(&words(false)), &Pages::built_in()).await;
    assert_eq!(head.headers()["content-type"], "application/problem+json");
    let problem: serde_json::Value = serde_json::from_str(&problem).unwrap();
    assert_eq!(problem["reason"], "group_unmet");
    assert_eq!(problem["title"], "You may not see this");
    assert_eq!(problem["detail"], "In none of the groups.");
    assert_eq!(problem["status"], 403);
    assert_eq!(problem["request_id"], "00000000000000000000000000000007");
}

#[tokio::test]
async fn a_head_request_gets_the_head_of_the_page() {
    let words = Words {
        head: true,
        ..words(true)
    };
    let (head, page) = text(render(&words), &Pages::built_in()).await;
    assert_eq!(page, "");
    assert!(head.headers().contains_key("content-security-policy"));
}

#[tokio::test]
async fn what_others_wrote_is_text_on_every_page_whatever_a_template_says() {
    let evil = "<script>alert(1)</script>\" onload='x' \u{202e}";
    let who = Some(evil.to_owned());
    let shown = words(true).on(Page::Forbidden(Forbidden {
        who,
        as_another: None,
    }));
    let (_, page) = text(render(&shown), &Pages::built_in()).await;
    assert!(page.contains("&lt;script&gt;alert(1)&lt;/script&gt;&quot; onload=&#39;x&#39; ?"));
    let careless =
        "{% autoescape false %}{{ page.who }}{% set x %}{{ page.who }}{% endset %}{{ x }}{% endautoescape %}";
    let pages = own(&[("forbidden.html", careless)]).unwrap();
    let (_, page) = text(render(&shown), &pages).await;
    assert!(
        page.contains("&lt;script&gt;") && !page.contains("<script"),
        "{page}"
    );
    assert!(
        own(&[("forbidden.html", "{{ page.who|safe }}")])
            .unwrap_err()
            .contains("unknown filter")
    );
}

#[tokio::test]
async fn own_templates_texts_and_style_stand_in_place_of_ours() {
    let pages = own(&[
        (
            "sign-in.html",
            "{% extends 'layout.html' %}{% block title %}Hello{% endblock %}",
        ),
        (
            "texts.json",
            r#"{"lang":"de","refused":{"forbidden":{"title":"Kein Zutritt"}}}"#,
        ),
        ("style.css", "h1{color:red}"),
    ])
    .unwrap();
    let (head, page) = text(render(&words(true)), &pages).await;
    assert!(page.contains("<h1>Kein Zutritt</h1>") && page.contains("<html lang=\"de\""));
    assert!(page.contains("<style>h1{color:red}</style>"));
    let policy = |head: &Response<()>| head.headers()["content-security-policy"].clone();
    let (ours, _) = text(render(&words(true)), &Pages::built_in()).await;
    assert_ne!(policy(&head), policy(&ours));
    let sign_in = words(true).on(Page::SignIn(SignIn {
        providers: Vec::new(),
    }));
    let (_, page) = text(render(&sign_in), &pages).await;
    assert!(page.contains("<h1>Hello</h1>"));
}

#[test]
fn a_mistake_in_an_own_template_is_told_with_file_and_line() {
    let told = |name: &str, content: &str| own(&[(name, content)]).unwrap_err();
    assert!(told("trouble.html", "\n\n{% if %}").starts_with("trouble.html:3: syntax error"));
    let undefined = told("forbidden.html", "a\n{{ page.whom }}\n");
    assert!(
        undefined.starts_with("forbidden.html:2: undefined value"),
        "{undefined}"
    );
    let endless = told(
        "too-many.html",
        "{% for a in range(9999) %}{% for b in range(9999) %}{{ a }}{% endfor %}{% endfor %}",
    );
    assert!(
        endless.starts_with("too-many.html:1: engine ran out of fuel"),
        "{endless}"
    );
    let missing = told("refused.html", "{% include 'logo.html' %}");
    assert!(missing.contains("logo.html"), "{missing}");
    assert!(told("texts.json", "{\"a\":1}").starts_with("texts.json:1: `a` is no text"));
    assert!(told("texts.json", r#"{"forbidden":{"who":"You are {whom}."}}"#).contains("{whom}"));
    assert!(told("style.css", "</STYLE><script>").starts_with("style.css: a style cannot hold"));
    let large = format!("{{% for a in range(400) %}}{}{{% endfor %}}", "a".repeat(1000));
    assert_eq!(
        told("too-many.html", &large),
        "too-many.html: the page is larger than 256 KiB"
    );
}

#[tokio::test]
async fn a_template_that_fails_at_last_is_told_and_ours_stands_in() {
    // Sound with every sample, and not with this.
    let pages = own(&[(
        "forbidden.html",
        "{% if page.who == 'eve' %}{{ page.nothing }}{% endif %}ok",
    )])
    .unwrap();
    let who = Some("eve".to_owned());
    let shown = words(true).on(Page::Forbidden(Forbidden {
        who,
        as_another: None,
    }));
    let mut response = render(&shown);
    let (mistake, id) = pages.dress(&mut response).unwrap();
    assert_eq!((mistake.file.as_str(), mistake.line), ("forbidden.html", Some(1)));
    assert_eq!(id, RequestId(7));
    let (head, page) = text(response, &pages).await;
    assert!(page.contains("<strong>eve</strong>") && page.contains("<style>"));
    assert!(head.headers().contains_key("content-security-policy"));
}
