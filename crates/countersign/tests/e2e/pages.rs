//! Every page of the gateway's own in a real browser: axe-core finds nothing, in light and in dark, on a screen of 320
//! pixels too; everything that can be done on a page can be done by keyboard; the policy hides nothing that is ours.

use crate::fronts::tool;
use crate::process::{Folder, repository};
use countersign_edge::page::Pages;
use http_body_util::BodyExt as _;
use serde_json::{Value, json};
use std::process::Command;

/// Every page with something on it, head and body, as the gateway would send it.
async fn pages() -> Vec<Value> {
    let pages = Pages::built_in();
    let mut sent = Vec::new();
    for (name, mut response) in Pages::samples() {
        assert_eq!(pages.dress(&mut response), None);
        let (head, body) = response.into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        let headers = head.headers.iter();
        let headers = headers.map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned()));
        sent.push(json!({
            "name": name,
            "status": head.status.as_u16(),
            "headers": headers.collect::<serde_json::Map<_, _>>(),
            "body": String::from_utf8(body.to_vec()).unwrap(),
        }));
    }
    sent
}
