//! `countersign reload`: asks a running gateway through its admin socket.

use super::fail;
use crate::config::Environment;
use crate::output::Output;
use crate::run::NEXT_LINE;
use crate::state;
use countersign_edge::admin;
use serde_json::json;
use std::path::Path;
use std::process::ExitCode;

/// Asks the gateway whose state folder is `named`, or in one of the usual places.
pub(super) fn run(named: Option<&Path>, json: bool, environment: &Environment, out: &mut Output) -> ExitCode {
    let folder = state::folder_with(admin::SOCKET, named, environment);
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return fail(out, &error.to_string()),
    };
    let (taken, said) = match runtime.block_on(admin::ask(&folder, "reload")) {
        Ok(answer) => (answer.starts_with("ok"), answer.replace(NEXT_LINE, "\n")),
        Err(error) => {
            let socket = folder.join(admin::SOCKET);
            let socket = socket.display();
            let why =
                format!("no gateway answers at {socket}: {error}; is its state folder another? (--state)");
            (false, why)
        }
    };
    if json {
        out.line(&json!({ "taken": taken, "message": said }).to_string());
    } else if taken {
        out.line(&said);
    } else {
        out.error_line(&said);
    }
    if taken {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}
