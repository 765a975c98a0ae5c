//! What is shown of a page: its template, what this finds, and what the policy says of its forms.

use super::href::Href;
use super::kinds::{Page, Provider};
use minijinja::value::Value;

/// The files of templates, by the pages that they are: what a folder of own templates may hold.
pub(super) const TEMPLATES: [(&str, &str); 14] = [
    ("layout.html", include_str!("templates/layout.html")),
    ("refused.html", include_str!("templates/refused.html")),
    ("sign-in.html", include_str!("templates/sign-in.html")),
    ("signed-out.html", include_str!("templates/signed-out.html")),
    ("sign-out.html", include_str!("templates/sign-out.html")),
    ("forbidden.html", include_str!("templates/forbidden.html")),
    ("trouble.html", include_str!("templates/trouble.html")),
    ("not-sent.html", include_str!("templates/not-sent.html")),
    ("insecure.html", include_str!("templates/insecure.html")),
    ("too-many.html", include_str!("templates/too-many.html")),
    ("whoami.html", include_str!("templates/whoami.html")),
    ("hand-on.html", include_str!("templates/hand-on.html")),
    ("click.html", include_str!("templates/click.html")),
    ("certificate.html", include_str!("templates/certificate.html")),
];

/// The one script there is: it sends the form, so that nobody has to press the button.
const HAND_ON: &str = "document.forms[0].submit()";

impl Page {
    /// The script on it.
    pub(super) const fn script(&self) -> Option<&'static str> {
        match self {
            Self::HandOn(_) => Some(HAND_ON),
            Self::Refused
            | Self::SignIn(_)
            | Self::SignedOut(_)
            | Self::SignOut(_)
            | Self::Forbidden(_)
            | Self::Trouble(_)
            | Self::NotSent(_)
            | Self::Insecure(_)
            | Self::TooMany
            | Self::Whoami(_)
            | Self::Click(_)
            | Self::Certificate(_) => None,
        }
    }

    /// The file of its template.
    pub(super) const fn template(&self) -> &'static str {
        match self {
            Self::Refused => "refused.html",
            Self::SignIn(_) => "sign-in.html",
            Self::SignedOut(_) => "signed-out.html",
            Self::SignOut(_) => "sign-out.html",
            Self::Forbidden(_) => "forbidden.html",
            Self::Trouble(_) => "trouble.html",
            Self::NotSent(_) => "not-sent.html",
            Self::Insecure(_) => "insecure.html",
            Self::TooMany => "too-many.html",
            Self::Whoami(_) => "whoami.html",
            Self::HandOn(_) => "hand-on.html",
            Self::Click(_) => "click.html",
            Self::Certificate(_) => "certificate.html",
        }
    }

    /// Where its forms may end, beside nowhere: for the page's policy.
    pub(super) fn form_targets(&self) -> Vec<&str> {
        match self {
            Self::SignOut(page) => std::iter::once("'self'")
                .chain(
                    page.ends_at
                        .iter()
                        .map(String::as_str)
                        .filter(|origin| is_origin(origin)),
                )
                .collect(),
            Self::HandOn(page) => Some(page.origin.as_str())
                .filter(|origin| is_origin(origin))
                .into_iter()
                .collect(),
            Self::Refused
            | Self::SignIn(_)
            | Self::SignedOut(_)
            | Self::Forbidden(_)
            | Self::Trouble(_)
            | Self::NotSent(_)
            | Self::Insecure(_)
            | Self::TooMany
            | Self::Whoami(_)
            | Self::Click(_)
            | Self::Certificate(_) => Vec::new(),
        }
    }

    /// What its template finds under `page`.
    pub(super) fn shown(&self) -> Value {
        match self {
            Self::Refused | Self::TooMany => shown([]),
            Self::SignIn(page) => {
                let one = |one: &Provider| shown([("name", text(&one.name)), ("href", link(&one.href))]);
                shown([("providers", page.providers.iter().map(one).collect())])
            }
            Self::SignedOut(page) => shown([
                ("sign_in", maybe_link(page.sign_in.as_ref())),
                ("still_at", maybe(page.still_at.as_deref())),
                ("everywhere", Value::from(page.everywhere)),
                ("told", Value::from(page.told)),
                ("not_all", Value::from(page.not_all)),
            ]),
            Self::SignOut(page) => shown([
                ("who", maybe(page.who.as_deref())),
                ("action", link(&page.action)),
                ("fields", pairs(&page.fields)),
                ("stay", link(&page.stay)),
                ("everywhere", Value::from(page.everywhere)),
            ]),
            Self::Forbidden(page) => shown([
                ("who", maybe(page.who.as_deref())),
                ("as_another", maybe_link(page.as_another.as_ref())),
            ]),
            Self::Trouble(page) => shown([
                ("provider", maybe(page.provider.as_deref())),
                ("again", maybe_link(page.again.as_ref())),
            ]),
            Self::NotSent(page) => shown([
                ("sign_in", maybe_link(page.sign_in.as_ref())),
                ("back", maybe_link(page.back.as_ref())),
            ]),
            Self::Insecure(page) => shown([("secure", maybe_link(page.secure.as_ref()))]),
            Self::HandOn(page) => shown([
                ("action", link(&page.action)),
                ("fields", pairs(&page.fields)),
                ("script", Value::from_safe_string(HAND_ON.to_owned())),
            ]),
            Self::Click(page) => shown([
                ("who", text(&page.who)),
                ("client", text(&page.client)),
                ("go", link(&page.go)),
            ]),
            Self::Certificate(page) => shown([
                ("flaw", text(page.flaw.key())),
                ("again", maybe_link(page.again.as_ref())),
            ]),
            Self::Whoami(page) => shown([
                ("who", maybe(page.who.as_deref())),
                ("facts", pairs(&page.facts)),
                ("sign_out", maybe_link(page.sign_out.as_ref())),
            ]),
        }
    }
}

/// Whether this may stand in a policy: a scheme and an authority, and nothing that ends a directive.
fn is_origin(text: &str) -> bool {
    let authority = text
        .strip_prefix("https://")
        .or_else(|| text.strip_prefix("http://"));
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-.:[]".contains(&byte);
    authority.is_some_and(|authority| !authority.is_empty() && authority.bytes().all(plain))
}

fn shown<const N: usize>(members: [(&str, Value); N]) -> Value {
    Value::from_pairs(members)
}

fn text(text: &str) -> Value {
    Value::from(text)
}

fn link(place: &Href) -> Value {
    Value::from(place.as_str())
}

fn maybe(text: Option<&str>) -> Value {
    text.map_or(Value::from(()), Value::from)
}

fn maybe_link(place: Option<&Href>) -> Value {
    place.map_or(Value::from(()), link)
}

fn pairs(pairs: &[(String, String)]) -> Value {
    let one = |(name, value): &(String, String)| shown([("name", text(name)), ("value", text(value))]);
    pairs.iter().map(one).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_an_origin_gets_into_the_policy() {
        assert!(is_origin("https://op.example:8443") && is_origin("http://[::1]:80"));
        for bad in [
            "https://",
            "https://a;script-src *",
            "https://a/b",
            "op.example",
            "https://a b",
            "*",
        ] {
            assert!(!is_origin(bad), "{bad}");
        }
    }
}
