//! `countersign session`: what sessions a running gateway has, and their end.

use super::fail;
use super::token::shown::harmless;
use crate::config::Environment;
use crate::output::Output;
use crate::run::{Do, SessionCommand, Which};
use crate::state;
use clap::{Args, Subcommand};
use countersign_edge::admin;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

#[cfg(test)]
mod tests;

/// The columns of a list, and where each is found.
const COLUMNS: [(&str, &str); 6] = [
    ("session", "name"),
    ("user", "subject"),
    ("login", "login"),
    ("host", "host"),
    ("began", "began"),
    ("ends", "ends"),
];

/// What a list and an end have in common.
pub(super) const HELP: &str = "\
A session is named by 16 hexadecimal digits, which open nothing; a user by issuer and subject, as the
log has them. Tokens and cookies are shown by no command.

  countersign session list
  countersign session list --user https://op.home.example ann
  countersign session show 0123456789abcdef
  countersign session revoke --user https://op.home.example ann";

#[derive(Debug, Subcommand)]
pub(super) enum Session {
    /// Tells which sessions there are.
    #[command(after_help = "\
The youngest first, 1000 at most.

  countersign session list
  countersign session list --user https://op.home.example ann
  countersign session list --json")]
    List {
        #[command(flatten)]
        whose: Whose,
        #[command(flatten)]
        asked: Asked,
    },
    /// Tells all there is to say about one session.
    #[command(after_help = "\
  countersign session show 0123456789abcdef")]
    Show {
        /// What `list` calls it.
        #[arg(value_name = "SESSION")]
        name: String,
        #[command(flatten)]
        asked: Asked,
    },
    /// Ends sessions: on this node at once, on every other within `session.recheck`.
    #[command(after_help = "\
The provider is not told: who is still logged in there may log in here again.
Exits with 1 when the session that was named is not there.

  countersign session revoke 0123456789abcdef
  countersign session revoke --user https://op.home.example ann
  countersign session revoke --sid https://op.home.example 0b5d9a1e
  countersign session revoke --all")]
    Revoke {
        /// What `list` calls it.
        #[arg(value_name = "SESSION", required_unless_present_any = ["user", "sid", "all"], conflicts_with_all = ["user", "sid", "all"])]
        name: Option<String>,
        #[command(flatten)]
        whose: Whose,
        /// Every session there is.
        #[arg(long, conflicts_with_all = ["user", "sid"])]
        all: bool,
        #[command(flatten)]
        asked: Asked,
    },
}

/// Of whom.
#[derive(Debug, Args)]
pub(super) struct Whose {
    /// Those of this user.
    #[arg(long, num_args = 2, value_names = ["ISSUER", "SUBJECT"], conflicts_with = "sid")]
    user: Option<Vec<String>>,
    /// Those that belong to this session at the issuer (the claim `sid`).
    #[arg(long, num_args = 2, value_names = ["ISSUER", "SID"])]
    sid: Option<Vec<String>>,
}

/// Which gateway, and how it is answered.
#[derive(Debug, Args)]
pub(super) struct Asked {
    /// The state folder of the running gateway, as `run --state` takes it.
    #[arg(long, value_name = "FOLDER")]
    state: Option<PathBuf>,
    /// One JSON object a line: the sessions, then what else is to be said.
    #[arg(long)]
    json: bool,
}

impl Whose {
    fn which(&self) -> Which {
        let pair = |pair: &Option<Vec<String>>| match pair.as_deref() {
            Some([issuer, name]) => Some((issuer.clone(), name.clone())),
            Some(_) | None => None,
        };
        let user = pair(&self.user).map(|(issuer, subject)| Which::User(issuer, subject));
        let sid = || pair(&self.sid).map(|(issuer, sid)| Which::Sid(issuer, sid));
        user.or_else(sid).unwrap_or(Which::All)
    }
}

/// Runs `command`.
pub(super) fn run(command: &Session, environment: &Environment, out: &mut Output) -> ExitCode {
    let (verb, which, asked) = match command {
        Session::List { whose, asked } => (Do::List, whose.which(), asked),
        Session::Show { name, asked } => (Do::List, Which::Name(name.clone()), asked),
        Session::Revoke {
            name: Some(name),
            asked,
            ..
        } => (Do::Revoke, Which::Name(name.clone()), asked),
        Session::Revoke { whose, asked, .. } => (Do::Revoke, whose.which(), asked),
    };
    let one = matches!(which, Which::Name(_));
    let answer = match ask(
        &SessionCommand { verb, which },
        asked.state.as_deref(),
        environment,
    ) {
        Ok(answer) => answer,
        Err(why) => return fail(out, &why),
    };
    let found = match verb {
        Do::List if one => show(&answer, asked.json, out),
        Do::List => list(&answer, asked.json, out),
        Do::Revoke => revoked(&answer, asked.json, out),
    };
    if one && !found {
        if !asked.json {
            out.error_line("there is no session of this name");
        }
        return ExitCode::FAILURE;
    }
    ExitCode::SUCCESS
}

fn ask(command: &SessionCommand, named: Option<&Path>, environment: &Environment) -> Result<Value, String> {
    let folder = state::folder_with(admin::SOCKET, named, environment);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| error.to_string())?;
    let text = serde_json::to_string(command).map_err(|error| error.to_string())?;
    let answer = runtime.block_on(admin::ask(&folder, &format!("session {text}")));
    let answer = answer.map_err(|error| {
        let socket = folder.join(admin::SOCKET);
        let socket = socket.display();
        format!("no gateway answers at {socket}: {error}; is its state folder another? (--state)")
    })?;
    let Some(value) = answer.strip_prefix("ok: ") else {
        let why = answer.strip_prefix("refused: ").unwrap_or(&answer);
        return Err(why.to_owned());
    };
    serde_json::from_str(value).map_err(|error| format!("its answer cannot be read: {error}"))
}

fn sessions(answer: &Value) -> &[Value] {
    answer
        .get("sessions")
        .and_then(Value::as_array)
        .map_or(&[], Vec::as_slice)
}

/// What stands in `session` under `name`, as text.
fn text(session: &Value, name: &str) -> String {
    match session.get(name) {
        None | Some(Value::Null) => String::new(),
        Some(Value::String(text)) => harmless(text),
        Some(other) => harmless(&other.to_string()),
    }
}

fn list(answer: &Value, json: bool, out: &mut Output) -> bool {
    let sessions = sessions(answer);
    let unopened = answer.get("unopened").and_then(Value::as_u64).unwrap_or(0);
    let more = answer.get("more").and_then(Value::as_bool).unwrap_or(false);
    if json {
        for session in sessions {
            out.line(&session.to_string());
        }
        out.line(&json!({ "sessions": sessions.len(), "more": more, "unopened": unopened }).to_string());
        return true;
    }
    if !sessions.is_empty() {
        for line in table(sessions) {
            out.line(&line);
        }
    }
    out.line(&counted(sessions.len() as u64, "session"));
    if more {
        out.line("There are more; --user tells those of one.");
    }
    if unopened > 0 {
        let records = counted(unopened, "record");
        out.line(&format!(
            "{records} of the store do not open: no key of this gateway sealed them."
        ));
    }
    true
}

fn table(sessions: &[Value]) -> Vec<String> {
    let headings = COLUMNS.map(|(heading, _)| heading.to_owned());
    let rows = sessions
        .iter()
        .map(|session| COLUMNS.map(|(_, name)| text(session, name)));
    let rows = std::iter::once(headings).chain(rows).collect::<Vec<_>>();
    let mut widths = [0; COLUMNS.len()];
    for row in &rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = cell.chars().count().max(*width);
        }
    }
    let line = |row: &[String; COLUMNS.len()]| {
        let cells = row
            .iter()
            .zip(widths)
            .map(|(cell, width)| format!("{cell:<width$}"));
        cells.collect::<Vec<_>>().join("  ").trim_end().to_owned()
    };
    rows.iter().map(line).collect()
}

fn show(answer: &Value, json: bool, out: &mut Output) -> bool {
    let Some(session) = sessions(answer).first() else {
        if json {
            out.line("null");
        }
        return false;
    };
    if json {
        out.line(&session.to_string());
        return true;
    }
    for name in session.as_object().into_iter().flatten().map(|(name, _)| name) {
        out.line(format!("{name:<12} {}", text(session, name)).trim_end());
    }
    true
}

fn revoked(answer: &Value, json: bool, out: &mut Output) -> bool {
    let ended = answer.get("ended").and_then(Value::as_u64).unwrap_or(0);
    if json {
        out.line(&json!({ "ended": ended }).to_string());
    } else if ended > 0 {
        out.line(&format!("{} ended", counted(ended, "session")));
    } else {
        out.line("no session ended");
    }
    ended > 0
}

fn counted(number: u64, one: &str) -> String {
    match number {
        1 => format!("1 {one}"),
        number => format!("{number} {one}s"),
    }
}
