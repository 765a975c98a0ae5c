//! Lines of one form about what is done to sessions and to the gateway: who, what, where. Whoever keeps them keeps an
//! audit trail. Never a token, a cookie or a session id.

use crate::log::{Format, Log, json_line, push_json_string, push_printable};
use countersign_core::time::Timestamp;

/// What was done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Somebody logged in: a session began.
    Login,
    /// Somebody logged out: a session ended.
    Logout,
    /// Somebody was logged in at an application by our own OpenID Provider.
    SignOn,
    /// Somebody logged out of all applications that it had logged them in at.
    SignOff,
    /// The issuer refused to renew a session: it ended.
    RefreshFailed,
    /// Sessions were taken back, by their issuer or by an operator.
    Revoked,
    /// A configuration was taken, or was not.
    Reload,
    /// An operator's command at the admin socket.
    Admin,
}

impl Action {
    /// The word in the line.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Login => "login",
            Self::Logout => "logout",
            Self::SignOn => "sign_on",
            Self::SignOff => "sign_off",
            Self::RefreshFailed => "refresh_failed",
            Self::Revoked => "revoked",
            Self::Reload => "reload",
            Self::Admin => "admin",
        }
    }
}

/// One line. As JSON every member is there, empty where there is nothing to say; none is ever renamed.
#[derive(Clone, Copy, Debug)]
pub struct Audit<'a> {
    /// What was done.
    pub action: Action,
    /// The issuer of whom it is about.
    pub issuer: &'a str,
    /// The subject whom it is about.
    pub who: &'a str,
    /// The login, as the configuration names it.
    pub login: &'a str,
    /// On which host.
    pub host: &'a str,
    /// The name of the request it was done by, as its decision line has it.
    pub request: &'a str,
    /// The client's address.
    pub client: &'a str,
    /// In words.
    pub detail: &'a str,
}

impl Audit<'_> {
    /// About nobody and nothing yet.
    pub const fn new(action: Action) -> Self {
        Self {
            action,
            issuer: "",
            who: "",
            login: "",
            host: "",
            request: "",
            client: "",
            detail: "",
        }
    }

    fn line(&self, format: Format, time: &str) -> String {
        let members = [
            ("issuer", self.issuer),
            ("who", self.who),
            ("login", self.login),
            ("host", self.host),
            ("request", self.request),
            ("client", self.client),
            ("detail", self.detail),
        ];
        match format {
            Format::Json => {
                let first = [("event", "audit"), ("time", time), ("action", self.action.name())];
                json_line(&first.into_iter().chain(members).collect::<Vec<_>>())
            }
            Format::Human => {
                let mut line = format!("{time} audit {}", self.action.name());
                for (name, value) in members.into_iter().filter(|(_, value)| !value.is_empty()) {
                    line.push(' ');
                    line.push_str(name);
                    line.push('=');
                    if value.contains([' ', '"', '=']) {
                        push_json_string(&mut line, value);
                    } else {
                        push_printable(&mut line, value);
                    }
                }
                line
            }
        }
    }
}

impl Log {
    /// Writes the line; no setting of the log leaves it out.
    pub fn audit(&self, audit: &Audit<'_>, now: Timestamp) {
        self.line(audit.line(self.format(), &now.to_string()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOGIN: Audit<'static> = Audit {
        issuer: "https://op.test",
        who: "ann\n\"",
        login: "login.home",
        host: "app.test",
        ..Audit::new(Action::Login)
    };

    #[test]
    fn as_json_every_member_is_there_and_nothing_breaks_out() {
        let (log, lines) = Log::memory(Format::Json);
        log.audit(&LOGIN, Timestamp::from_seconds(0));
        assert_eq!(
            lines.lock().unwrap()[0],
            "{\"event\":\"audit\",\"time\":\"1970-01-01T00:00:00.000Z\",\"action\":\"login\",\"issuer\":\
             \"https://op.test\",\"who\":\"ann\\u000a\\\"\",\"login\":\"login.home\",\"host\":\"app.test\",\
             \"request\":\"\",\"client\":\"\",\"detail\":\"\"}"
        );
    }

    #[test]
    fn for_a_person_what_is_empty_is_left_out() {
        let (log, lines) = Log::memory(Format::Human);
        log.audit(&LOGIN, Timestamp::from_seconds(0));
        assert_eq!(
            lines.lock().unwrap()[0],
            "1970-01-01T00:00:00.000Z audit login issuer=https://op.test who=\"ann\\u000a\\\"\" login=login.home \
             host=app.test"
        );
    }
}
