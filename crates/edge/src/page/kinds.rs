//! Every page there is, as a struct of what it shows.

use http::StatusCode;
use minijinja::value::Value;
use std::fmt;

/// Where a link of a page leads: a path of this very host, or an `http` or `https` URL. Nothing else can be one, so that
/// no page ever offers `javascript:` to click on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Href(String);

impl Href {
    /// The longest there is, in bytes.
    pub const MAX_BYTES: usize = 8 * 1024;

    /// `place`, when a link may lead there.
    pub fn new(place: impl Into<String>) -> Option<Self> {
        let place = place.into();
        let here = place.starts_with('/') && !place.starts_with("//");
        let there = place.starts_with("https://") || place.starts_with("http://");
        let plain = place.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\');
        ((here || there) && plain && place.len() <= Self::MAX_BYTES).then_some(Self(place))
    }

    /// As it is written.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Href {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A page, and what it shows beside the reason and the request's id.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub enum Page {
    /// A refusal, worded from its status and reason code.
    #[default]
    Refused,
    /// Where to log in: the chooser.
    SignIn(SignIn),
    /// The session has ended.
    SignedOut(SignedOut),
    /// Is the session to end? Asked when the link to it was on another site.
    SignOut(SignOut),
    /// Somebody is known and may not enter.
    Forbidden(Forbidden),
    /// The provider does not do what it should.
    Trouble(Trouble),
    /// A form was sent when its session had ended.
    NotSent(NotSent),
    /// Logging in needs https.
    Insecure(Insecure),
    /// Too many requests of one address; when to come again is `Words::retry_after`.
    TooMany,
    /// Who is asking, as it was proved.
    Whoami(Whoami),
}

/// One of several providers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Provider {
    /// What a person calls it.
    pub name: String,
    /// Where logging in there begins; what was asked for is in it.
    pub href: Href,
}

/// For [`Page::SignIn`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignIn {
    /// In the order they are offered.
    pub providers: Vec<Provider>,
}

/// For [`Page::SignedOut`].
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct SignedOut {
    /// Where to sign in again.
    pub sign_in: Option<Href>,
    /// The provider at which the person may be signed in still.
    pub still_at: Option<String>,
}

/// For [`Page::SignOut`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignOut {
    /// Who is signed in.
    pub who: Option<String>,
    /// Where the form is sent: our own logout.
    pub action: Href,
    /// What is sent with it: names and values.
    pub fields: Vec<(String, String)>,
    /// Where the form may be led on to: origins of providers (`https://op.example`), for the page's policy.
    pub ends_at: Vec<String>,
    /// Where to go instead.
    pub stay: Href,
}

/// For [`Page::Forbidden`].
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Forbidden {
    /// Who it is that may not enter.
    pub who: Option<String>,
    /// Where to sign in as someone else.
    pub as_another: Option<Href>,
}

/// For [`Page::Trouble`].
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Trouble {
    /// What a person calls the provider.
    pub provider: Option<String>,
    /// Where to try again.
    pub again: Option<Href>,
}

/// For [`Page::NotSent`].
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct NotSent {
    /// Where to sign in again; it leads back to the page of the form.
    pub sign_in: Option<Href>,
    /// The page of the form.
    pub back: Option<Href>,
}

/// For [`Page::Insecure`].
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Insecure {
    /// The same page over https.
    pub secure: Option<Href>,
}

/// For [`Page::Whoami`].
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Whoami {
    /// The subject; nothing when nobody in particular is asking.
    pub who: Option<String>,
    /// What else was proved: names and values.
    pub facts: Vec<(String, String)>,
    /// Where to sign out.
    pub sign_out: Option<Href>,
}

/// What kind of refusal a status is, for its title and its advice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Unidentified,
    Forbidden,
    Missing,
    Impossible,
    Broken,
    Unavailable,
    TooMany,
    Unreadable,
}

impl Kind {
    /// All there are.
    #[cfg(test)]
    pub(super) const ALL: [Self; 8] = [
        Self::Unidentified,
        Self::Forbidden,
        Self::Missing,
        Self::Impossible,
        Self::Broken,
        Self::Unavailable,
        Self::TooMany,
        Self::Unreadable,
    ];

    /// That of `status`.
    pub(super) fn of(status: StatusCode) -> Self {
        match status.as_u16() {
            303 | 401 => Self::Unidentified,
            403 => Self::Forbidden,
            404 => Self::Missing,
            429 => Self::TooMany,
            500 => Self::Broken,
            501 => Self::Impossible,
            502..=504 => Self::Unavailable,
            _ => Self::Unreadable,
        }
    }

    /// The key of its texts.
    pub(super) const fn key(self) -> &'static str {
        match self {
            Self::Unidentified => "unidentified",
            Self::Forbidden => "forbidden",
            Self::Missing => "missing",
            Self::Impossible => "impossible",
            Self::Broken => "broken",
            Self::Unavailable => "unavailable",
            Self::TooMany => "too_many",
            Self::Unreadable => "unreadable",
        }
    }
}

/// The files of templates, by the pages that they are: what a folder of own templates may hold.
pub(super) const TEMPLATES: [(&str, &str); 11] = [
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
];

impl Page {
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
            Self::Refused
            | Self::SignIn(_)
            | Self::SignedOut(_)
            | Self::Forbidden(_)
            | Self::Trouble(_)
            | Self::NotSent(_)
            | Self::Insecure(_)
            | Self::TooMany
            | Self::Whoami(_) => Vec::new(),
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
            ]),
            Self::SignOut(page) => shown([
                ("who", maybe(page.who.as_deref())),
                ("action", link(&page.action)),
                ("fields", pairs(&page.fields)),
                ("stay", link(&page.stay)),
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
    fn a_link_leads_to_a_path_or_an_http_url_and_nowhere_else() {
        for good in ["/", "/a?b=c", "https://op.example/x", "http://a.test/"] {
            assert!(Href::new(good).is_some(), "{good}");
        }
        let long = format!("/{}", "a".repeat(Href::MAX_BYTES));
        for bad in [
            "",
            "a",
            "//evil.test",
            "/\\evil.test",
            "javascript:alert(1)",
            "data:text/html,x",
            "/ x",
            "/\r\n",
            "/é",
            &long,
        ] {
            assert!(Href::new(bad).is_none(), "{bad}");
        }
    }

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
