//! Somebody who logs in at a real OpenID Provider without a browser: cookies, redirects, and the provider's one form.

use super::site::{HOST, Provider};
use crate::{Failure, http};
use std::collections::BTreeMap;

/// How often one is sent on at most.
const MAX_HOPS: usize = 16;

/// The one who is measured: how a page of `HOST` is asked for there.
pub(crate) struct Site<'a> {
    pub(crate) port: u16,
    /// A request for this path, with these cookies.
    pub(crate) head: &'a dyn Fn(&str, Option<&str>) -> String,
}

/// Logs ann in, beginning at `path`; answers with the `Cookie` line of whoever has done so.
pub(crate) fn log_in(site: &Site<'_>, path: &str, provider: &Provider) -> Result<String, Failure> {
    let mut jars = [BTreeMap::new(), BTreeMap::new()];
    let mut there = format!("https://{HOST}{path}");
    let mut form = None;
    for _ in 0..MAX_HOPS {
        let at_provider = there.starts_with(&provider.issuer);
        let jar = jars.get_mut(usize::from(at_provider)).ok_or("two places")?;
        let path = place(&there)?;
        let cookies = (!jar.is_empty()).then(|| line(jar));
        let (port, request) = if at_provider {
            (
                provider.port,
                at(provider, &path, cookies.as_deref(), form.take()),
            )
        } else {
            (site.port, (site.head)(&path, cookies.as_deref()))
        };
        let answer = http::ask(port, &request)?;
        keep(jar, &answer);
        match (answer.status, answer.header("Location")) {
            (302 | 303, Some(next)) if next.starts_with('/') => {
                let origin = there.split('/').take(3).collect::<Vec<_>>().join("/");
                there = format!("{origin}{next}");
            }
            (302 | 303, Some(next)) => next.clone_into(&mut there),
            (200, None) if at_provider => form = Some("login=ann&password=x"),
            (200, None) => return Ok(line(jar)),
            (status, _) => return Err(format!("{there} answers {status}: {}", answer.text()).into()),
        }
    }
    Err(format!("logging in ends nowhere; the last place is {there}").into())
}

/// A request to the provider: for a page, or with the form that was in one.
fn at(provider: &Provider, path: &str, cookies: Option<&str>, form: Option<&str>) -> String {
    let cookies = cookies.map_or_else(String::new, |cookies| format!("Cookie: {cookies}\r\n"));
    let head = format!(
        "{path} HTTP/1.1\r\nHost: 127.0.0.1:{}\r\n{cookies}",
        provider.port
    );
    match form {
        None => format!("GET {head}\r\n"),
        Some(form) => format!(
            "POST {head}Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n\r\n{form}",
            form.len()
        ),
    }
}

fn place(url: &str) -> Result<String, Failure> {
    let rest = url
        .splitn(4, '/')
        .nth(3)
        .ok_or_else(|| format!("{url} has no path"))?;
    Ok(format!("/{rest}"))
}

fn line(jar: &BTreeMap<String, String>) -> String {
    let pairs = jar.iter().map(|(name, value)| format!("{name}={value}"));
    pairs.collect::<Vec<_>>().join("; ")
}

fn keep(jar: &mut BTreeMap<String, String>, answer: &http::Answer) {
    for (name, value) in answer.head.lines().filter_map(|line| line.split_once(':')) {
        if !name.eq_ignore_ascii_case("set-cookie") {
            continue;
        }
        let mut parts = value.trim().split(';').map(str::trim);
        let Some((name, value)) = parts.next().and_then(|pair| pair.split_once('=')) else {
            continue;
        };
        let ends = parts.any(|part| {
            let part = part.to_ascii_lowercase();
            part == "max-age=0" || part.starts_with("expires=thu, 01 jan 1970")
        });
        if ends || value.is_empty() {
            drop(jar.remove(name));
        } else {
            drop(jar.insert(name.to_owned(), value.to_owned()));
        }
    }
}
