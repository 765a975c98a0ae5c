//! `session …` at the admin socket: one JSON object in, one out. Never a token, a cookie or an id to come in by.

use crate::run::program::Program;
use countersign_authn::session::{SessionGroup, Sessions as _};
use countersign_core::session::StoreError;
use countersign_core::time::Timestamp;
use countersign_edge::audit::{Action, Audit};
use countersign_edge::log::Log;
use countersign_edge::sessions::{SessionKeeper, SessionSummary};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

#[cfg(test)]
mod tests;

/// What is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Do {
    /// To tell which there are.
    List,
    /// To end them.
    Revoke,
}

/// Which sessions.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Which {
    /// All.
    All,
    /// The one of this name.
    Name(String),
    /// Those of this subject of this issuer.
    User(String, String),
    /// Those of this session of this issuer.
    Sid(String, String),
}

/// One command.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct SessionCommand {
    /// What.
    #[serde(rename = "do")]
    pub(crate) verb: Do,
    /// With which.
    pub(crate) which: Which,
}

impl Which {
    fn group(&self) -> Option<SessionGroup<'_>> {
        match self {
            Self::All => Some(SessionGroup::All),
            Self::Name(_) => None,
            Self::User(issuer, subject) => Some(SessionGroup::Subject { issuer, subject }),
            Self::Sid(issuer, sid) => Some(SessionGroup::Sid { issuer, sid }),
        }
    }

    /// Issuer and subject, where they are named.
    fn who(&self) -> (&str, &str) {
        match self {
            Self::All | Self::Name(_) => ("", ""),
            Self::User(issuer, subject) => (issuer, subject),
            Self::Sid(issuer, _) => (issuer, ""),
        }
    }

    fn words(&self) -> String {
        match self {
            Self::All => "all".to_owned(),
            Self::Name(name) => name.clone(),
            Self::User(..) => "of a user".to_owned(),
            Self::Sid(_, sid) => format!("of the issuer's session {sid}"),
        }
    }
}

/// Answers `text`, a [`SessionCommand`] as JSON.
pub(super) async fn answer(program: &Program, text: &str) -> String {
    if !program.sessions.is_open() {
        return "refused: this gateway has no login, and so no sessions".to_owned();
    }
    if program.sessions.are_in_cookies() {
        let why = "sessions are in their cookies (`session.store = \"cookie\"`), and can be neither listed nor revoked";
        return format!(
            "refused: {why}; to end all of them at once, put another key in place of those in `sealing_keys` and reload"
        );
    }
    let now = program.ports.clock.now().wall;
    match run(&program.asked.sessions, &program.log, text, now).await {
        Ok(value) => format!("ok: {value}"),
        Err(why) => format!("refused: {why}"),
    }
}

async fn run(keeper: &SessionKeeper, log: &Log, text: &str, now: Timestamp) -> Result<Value, String> {
    let command: SessionCommand = serde_json::from_str(text).map_err(|error| error.to_string())?;
    let done = match command.verb {
        Do::List => list(keeper, &command.which).await,
        Do::Revoke => revoke(keeper, &command.which, now).await,
    };
    // The line names whose session it was, though the command named the session alone.
    let one = done.as_ref().ok().and_then(|(_, one)| one.as_ref());
    let (issuer, who) = match one {
        Some(session) => (&*session.issuer, &*session.subject),
        None => command.which.who(),
    };
    let (action, verb) = match command.verb {
        Do::List => (Action::Admin, "list"),
        Do::Revoke => (Action::Revoked, "revoke"),
    };
    let came = match &done {
        Ok((value, _)) => value
            .get("ended")
            .map_or(String::new(), |ended| format!(": {ended} ended")),
        Err(error) => format!(": {error}"),
    };
    let detail = format!("session {verb} {}{came}", command.which.words());
    let audit = Audit {
        issuer,
        who,
        login: one.map_or("", |session| &session.login),
        host: one.map_or("", |session| &session.host),
        detail: &detail,
        ..Audit::new(action)
    };
    log.audit(&audit, now);
    done.map(|(value, _)| value).map_err(|error| error.to_string())
}

/// The answer, and the session where the command named one.
type Done = Result<(Value, Option<SessionSummary>), StoreError>;

async fn list(keeper: &SessionKeeper, which: &Which) -> Done {
    let list = match which.group() {
        Some(group) => keeper.list(group).await?,
        None => return one(keeper, which).await,
    };
    let sessions = list.sessions.iter().map(told).collect::<Vec<_>>();
    let value = json!({ "sessions": sessions, "more": list.more, "unopened": list.unopened });
    Ok((value, None))
}

async fn one(keeper: &SessionKeeper, which: &Which) -> Done {
    let Which::Name(name) = which else {
        return Ok((json!({ "sessions": [] }), None));
    };
    let found = keeper.named(name).await?;
    let sessions = found.iter().map(told).collect::<Vec<_>>();
    Ok((
        json!({ "sessions": sessions, "more": false, "unopened": 0 }),
        found,
    ))
}

async fn revoke(keeper: &SessionKeeper, which: &Which, now: Timestamp) -> Done {
    let (ended, one) = match (which.group(), which) {
        (Some(group), _) => {
            let under_way = keeper.end_under_way(group, now).await;
            let ended = keeper.end_all(group).await?;
            if under_way.is_err() {
                // Now there may be room for it.
                keeper.end_under_way(group, now).await?;
            }
            (ended, None)
        }
        (None, Which::Name(name)) => {
            let (ended, one) = keeper.revoke_named(name).await?;
            (u64::from(ended), one)
        }
        (None, Which::All | Which::User(..) | Which::Sid(..)) => (0, None),
    };
    Ok((json!({ "ended": ended }), one))
}

fn told(session: &SessionSummary) -> Value {
    json!({
        "name": session.name,
        "login": session.login,
        "issuer": session.issuer,
        "subject": session.subject,
        "sid": session.sid,
        "client_id": session.client_id,
        "host": session.host,
        "began": session.began.to_string(),
        "ends": session.ends.to_string(),
        "renewed": session.renewed.to_string(),
        "access_ends": session.access_ends.map(|end| end.to_string()),
        "refreshable": session.refreshable,
        "remember": session.remember,
    })
}
