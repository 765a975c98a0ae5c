//! Every page of the gateway's own in a real browser: axe-core finds nothing, in light and in dark, on a screen of 320
//! pixels too; everything that can be done on a page can be done by keyboard; a page's policy forbids nothing of its own.

use crate::process::{repository, tool};
use countersign_edge::page::Pages;
use http_body_util::BodyExt as _;
use serde_json::{Map, Value, json};
use std::io::Write as _;
use std::process::Stdio;

/// Every page with something on it, head and body, as the gateway sends it.
async fn pages() -> Vec<Value> {
    let pages = Pages::built_in();
    let mut sent = Vec::new();
    for (name, mut response) in Pages::samples() {
        assert_eq!(pages.dress(&mut response), None);
        let (head, body) = response.into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        let headers = head.headers.iter();
        let headers = headers.map(|(name, value)| (name.to_string(), json!(value.to_str().unwrap())));
        sent.push(json!({
            "name": name,
            "status": head.status.as_u16(),
            "headers": headers.collect::<Map<_, _>>(),
            "body": String::from_utf8(body.to_vec()).unwrap(),
        }));
    }
    sent
}

#[tokio::test]
async fn every_page_is_for_everybody_light_and_dark_wide_and_narrow_by_mouse_and_by_keyboard() {
    let folder = repository().join("tests-node");
    assert!(
        folder.join("node_modules/playwright-core").exists() && folder.join("node_modules/axe-core").exists(),
        "playwright-core and axe-core are missing: run `cargo xtask tools`"
    );
    let pages = pages().await;
    assert!(pages.len() > 20, "{}", pages.len());
    // For a look at them: COUNTERSIGN_SCREENSHOTS=/tmp/pages.
    let screenshots = option_env!("COUNTERSIGN_SCREENSHOTS");
    let mut node = tool("node")
        .current_dir(folder)
        .arg("pages.mjs")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let asked = json!({ "pages": pages, "screenshots": screenshots }).to_string();
    node.stdin.take().unwrap().write_all(asked.as_bytes()).unwrap();
    let output = node.wait_with_output().unwrap();
    let faults = serde_json::from_slice::<Vec<String>>(&output.stdout);
    let faults = faults.unwrap_or_else(|error| panic!("pages.mjs ({}): {error}", output.status));
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}
