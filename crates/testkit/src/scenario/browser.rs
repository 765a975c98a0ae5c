//! A browser: it keeps cookies, goes where it is sent, and its user logs in at the providers of the world.

use super::expect::Observed;
use super::question::ClientRequest;
use bytes::Bytes;
use std::collections::BTreeMap;
use url::Url;

/// How often a browser lets itself be sent on before it gives up.
pub(super) const MAX_HOPS: usize = 12;

/// What a browser sends with a navigation.
const NAVIGATING: [(&str, &str); 4] = [
    ("Accept", "text/html,application/xhtml+xml"),
    ("Sec-Fetch-Mode", "navigate"),
    ("Sec-Fetch-Dest", "document"),
    ("Sec-Fetch-Site", "none"),
];

/// One browser of a page.
#[derive(Clone, Debug, Default)]
pub(super) struct Browser {
    /// By host, then by name.
    cookies: BTreeMap<String, BTreeMap<String, String>>,
    /// Those that go to all hosts of a domain: by domain, then by name.
    shared: BTreeMap<String, BTreeMap<String, String>>,
}

impl Browser {
    /// `request` as this browser sends it: with its cookies, and as a navigation unless it says what it is.
    pub(super) fn dress(&self, request: &mut ClientRequest) {
        let has = |request: &ClientRequest, name: &str| {
            request
                .headers
                .iter()
                .any(|(own, _)| own.eq_ignore_ascii_case(name))
        };
        if !has(request, "Sec-Fetch-Mode") && !has(request, "Accept") {
            let navigating = NAVIGATING
                .iter()
                .filter(|(name, _)| !has(request, name))
                .map(|(name, value)| ((*name).to_owned(), value.as_bytes().to_vec()))
                .collect::<Vec<_>>();
            request.headers.extend(navigating);
        }
        let host = name_of(&request.host);
        let shared = self.shared.iter().filter(|(domain, _)| is_under(host, domain));
        let jars = self
            .cookies
            .get(host)
            .into_iter()
            .chain(shared.map(|(_, jar)| jar));
        let pairs = jars.flatten().map(|(name, value)| format!("{name}={value}"));
        let pairs = pairs.collect::<Vec<_>>().join("; ");
        for (name, value) in &mut request.headers {
            let text = String::from_utf8_lossy(value);
            if name.eq_ignore_ascii_case("cookie") && text.contains("<jar>") {
                *value = text.replace("<jar>", &pairs).into_bytes();
            }
        }
        if !pairs.is_empty() && !has(request, "Cookie") {
            request.headers.push(("Cookie".to_owned(), pairs.into_bytes()));
        }
    }

    /// Keeps and forgets what the answer says. A cookie that a browser would not take is a mistake of ours.
    pub(super) fn keep(&mut self, host: &str, observed: &Observed) -> Result<(), String> {
        let lines = observed.headers.iter().filter(|(name, _)| name == "set-cookie");
        for (_, line) in lines {
            let line = String::from_utf8_lossy(line).into_owned();
            let mut parts = line.split(';').map(str::trim);
            let pair = parts.next().and_then(|pair| pair.split_once('='));
            let (name, value) = pair.ok_or(format!("no cookie: {line}"))?;
            let attributes = parts.map(str::to_ascii_lowercase).collect::<Vec<_>>();
            let has = |wanted: &str| attributes.iter().any(|own| own == wanted);
            let domain = attributes.iter().find_map(|own| own.strip_prefix("domain="));
            let host = name_of(host);
            let refused = name.starts_with("__Host-")
                && !(has("secure") && has("path=/") && domain.is_none())
                || name.starts_with("__Secure-") && !has("secure")
                || domain.is_some_and(|domain| !is_under(host, domain) || !domain.contains('.'));
            if refused {
                return Err(format!("a browser refuses this cookie of {host}: {line}"));
            }
            if !has("httponly") {
                return Err(format!("scripts can read this cookie: {line}"));
            }
            let jar = match domain {
                Some(domain) => self.shared.entry(domain.to_owned()),
                None => self.cookies.entry(host.to_owned()),
            };
            let jar = jar.or_default();
            if has("max-age=0") {
                drop(jar.remove(name));
            } else {
                drop(jar.insert(name.to_owned(), value.to_owned()));
            }
        }
        Ok(())
    }

    /// Forgets the cookies whose names hold `part`.
    pub(super) fn forget(&mut self, part: &str) {
        for jar in self.cookies.values_mut().chain(self.shared.values_mut()) {
            jar.retain(|name, _| !name.contains(part));
        }
    }

    /// The values of all cookies: none of them may stand in a log.
    pub(super) fn secrets(&self) -> Vec<String> {
        self.cookies
            .values()
            .chain(self.shared.values())
            .flatten()
            .map(|(_, value)| value.clone())
            .collect()
    }
}

/// Whether a cookie of `domain` goes to `host` (RFC 6265 section 5.1.3).
fn is_under(host: &str, domain: &str) -> bool {
    host.strip_suffix(domain)
        .is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
}

fn name_of(host: &str) -> &str {
    host.split(':').next().unwrap_or(host)
}

/// Where the answer to `request` sends its browser, whole.
pub(super) fn sent_to(request: &ClientRequest, observed: &Observed) -> Result<Option<String>, String> {
    if !matches!(observed.status, 302 | 303) {
        return Ok(None);
    }
    let mut lines = observed.headers.iter().filter(|(name, _)| name == "location");
    let (_, line) = lines.next().ok_or("sent on, and nowhere")?;
    let here = format!("{}://{}{}", request.scheme, request.host, request.target);
    let here = Url::parse(&here).map_err(|error| error.to_string())?;
    let there = here.join(&String::from_utf8_lossy(line));
    there
        .map(|url| Some(url.to_string()))
        .map_err(|error| error.to_string())
}

/// A navigation to `url`, or a form sent there from another site.
pub(super) fn going(url: &str, form: Option<String>) -> Result<ClientRequest, String> {
    let method = if form.is_some() { "POST" } else { "GET" };
    let mut request = ClientRequest::parse(&format!("{method} {url}\n"))?;
    if let Some(form) = form {
        let headers = [
            ("Content-Type", "application/x-www-form-urlencoded"),
            ("Accept", "text/html"),
            ("Sec-Fetch-Mode", "navigate"),
            ("Sec-Fetch-Dest", "document"),
            ("Sec-Fetch-Site", "cross-site"),
        ];
        let headers = headers.map(|(name, value)| (name.to_owned(), value.as_bytes().to_vec()));
        request.headers.extend(headers);
        request.body = Bytes::from(form);
    }
    Ok(request)
}
