//! What can be asked for at the admin socket.

use super::NEXT_LINE;
use super::program::Program;
use countersign_edge::admin::{Admin, Commands};
use std::path::Path;
use std::sync::Arc;
use tokio::sync::watch;
use tokio::task::JoinSet;

pub(crate) mod sessions;

/// Hears commands at the socket in `folder`, until it is to `stop`.
pub(super) fn hear(
    folder: &Path,
    program: &Arc<Program>,
    stop: &watch::Sender<bool>,
    tasks: &mut JoinSet<()>,
) {
    match Admin::bind(folder, commands(program)) {
        Ok(admin) => drop(tasks.spawn(admin.run(stop.subscribe()))),
        Err(error) => {
            let why = format!(
                "{}: {error}; `countersign reload` will not find us, SIGHUP works",
                folder.display()
            );
            program.log.event("warning", "admin_socket", &why);
        }
    }
}

/// The commands of `program`.
fn commands(program: &Arc<Program>) -> Commands {
    let program = Arc::clone(program);
    Arc::new(move |command| {
        let program = Arc::clone(&program);
        Box::pin(async move {
            if let Some(asked) = command.strip_prefix("session ") {
                return sessions::answer(&program, asked).await;
            }
            match command.as_str() {
                "reload" => match program.reload().await {
                    Ok(said) => format!("ok: {said}"),
                    // The answer is one line.
                    Err(why) => format!("refused: {}", why.replace('\n', NEXT_LINE)),
                },
                "status" => format!("ok: generation {}", program.generation()),
                other => format!("refused: no command {other:?}; known are reload, session, status"),
            }
        })
    })
}
