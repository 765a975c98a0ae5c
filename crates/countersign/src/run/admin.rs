//! What can be asked for at the admin socket.

use super::NEXT_LINE;
use super::program::Program;
use countersign_edge::admin::Commands;
use std::sync::Arc;

pub(crate) mod sessions;

/// The commands of `program`.
pub(super) fn commands(program: &Arc<Program>) -> Commands {
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
