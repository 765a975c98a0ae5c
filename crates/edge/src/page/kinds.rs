//! Every page there is, as a struct of what it shows.

use super::href::Href;
use countersign_core::reason::RejectionReason;
use http::StatusCode;

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
    /// A form on its way to an application.
    HandOn(HandOn),
    /// One click, before an application is told who somebody is.
    Click(Click),
    /// The certificate that logs in does not hold, or there is none.
    Certificate(Certificate),
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

/// For [`Page::HandOn`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HandOn {
    /// Where the form is sent.
    pub action: Href,
    /// What is sent with it: names and values.
    pub fields: Vec<(String, String)>,
    /// The origin of `action`, for the page's policy.
    pub origin: String,
}

/// For [`Page::Click`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Click {
    /// Who is about to be told of.
    pub who: String,
    /// The application.
    pub client: String,
    /// Where the click leads.
    pub go: Href,
}

/// For [`Page::Certificate`].
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Certificate {
    /// What is wrong with it.
    pub flaw: Flaw,
    /// Where to try again.
    pub again: Option<Href>,
}

/// What can be wrong with a certificate, as far as a person can do something about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Flaw {
    /// None was shown.
    #[default]
    Missing,
    /// It has expired.
    Expired,
    /// It was taken back.
    Revoked,
    /// Nobody who is known here vouches for it.
    Stranger,
    /// Anything else.
    Other,
}

impl Flaw {
    /// Every one.
    pub const ALL: [Self; 5] = [
        Self::Missing,
        Self::Expired,
        Self::Revoked,
        Self::Stranger,
        Self::Other,
    ];

    /// Of a certificate that was refused for this.
    pub fn of(reason: RejectionReason) -> Self {
        let known = [
            (RejectionReason::CertificateExpired, Self::Expired),
            (RejectionReason::CertificateRevoked, Self::Revoked),
            (RejectionReason::CertificateDenied, Self::Revoked),
            (RejectionReason::CertificateUnknownAuthority, Self::Stranger),
        ];
        let found = known.into_iter().find(|(known, _)| *known == reason);
        found.map_or(Self::Other, |(_, flaw)| flaw)
    }

    /// Its texts are called so.
    pub(super) const fn key(self) -> &'static str {
        match self {
            Self::Missing => "missing",
            Self::Expired => "expired",
            Self::Revoked => "revoked",
            Self::Stranger => "stranger",
            Self::Other => "other",
        }
    }
}

/// For [`Page::SignedOut`].
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct SignedOut {
    /// Where to sign in again.
    pub sign_in: Option<Href>,
    /// The provider at which the person may be signed in still.
    pub still_at: Option<String>,
    /// Whether it was the session at all applications of our own OpenID Provider.
    pub everywhere: bool,
    /// Whether some of them are told.
    pub told: bool,
    /// Whether there are others that cannot be told.
    pub not_all: bool,
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
    /// Whether it is the session at all applications of our own OpenID Provider.
    pub everywhere: bool,
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
