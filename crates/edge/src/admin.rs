//! The admin socket: one line in, one line out, for this user and root only.

use crate::listen::{SocketFile, UnixAccess, bind_unix};
use countersign_core::BoxFuture;
use std::fmt;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::watch;
use tokio::time::timeout;

/// The name of the socket in the state folder.
pub const SOCKET: &str = "admin.sock";
/// The longest command, in bytes.
const MAX_COMMAND: u64 = 4096;
/// The longest answer that is read, in bytes: far above what a reload with many mistakes tells.
const MAX_ANSWER: u64 = 4 << 20;
/// How long a command may take to arrive.
const ARRIVES: Duration = Duration::from_secs(5);
/// How long is waited when nothing can be accepted.
const BACK_OFF: Duration = Duration::from_millis(100);
/// How long an answer may take.
const ANSWERS: Duration = Duration::from_secs(30);

/// How long the end waits until the file is gone. One that is left behind is replaced.
const REMOVED_WITHIN: Duration = Duration::from_secs(1);

/// What a command does: the line without its end, and one line back.
pub type Commands = Arc<dyn Fn(String) -> BoxFuture<'static, String> + Send + Sync>;

/// The socket, bound.
pub struct Admin {
    listener: UnixListener,
    /// Goes away with this.
    file: SocketFile,
    commands: Commands,
}

impl Admin {
    /// Binds the socket in `folder`, mode 0600.
    pub fn bind(folder: &Path, commands: Commands) -> io::Result<Self> {
        let path = folder.join(SOCKET);
        let (listener, file) = bind_unix(
            &path,
            &UnixAccess {
                mode: Some(0o600),
                owner: None,
            },
        )?;
        Ok(Self {
            listener,
            file,
            commands,
        })
    }

    /// Answers commands until `stop` is true. The file is gone then, unless the disk that it is on takes too long for that.
    pub async fn run(self, mut stop: watch::Receiver<bool>) {
        self.answer_until(&mut stop).await;
        let Self { listener, file, .. } = self;
        drop(listener);
        let removed = tokio::task::spawn_blocking(move || drop(file));
        drop(timeout(REMOVED_WITHIN, removed).await);
    }

    async fn answer_until(&self, stop: &mut watch::Receiver<bool>) {
        loop {
            tokio::select! {
                accepted = self.listener.accept() => {
                    let Ok((stream, _)) = accepted else {
                        tokio::time::sleep(BACK_OFF).await;
                        continue;
                    };
                    let allowed = stream.peer_cred().is_ok_and(|peer| peer.uid() == self.file.maker() || peer.uid() == 0);
                    if allowed {
                        let commands = Arc::clone(&self.commands);
                        drop(tokio::spawn(async move { drop(answer(stream, &commands).await) }));
                    }
                }
                () = crate::listen::stopped(stop) => return,
            }
        }
    }
}

impl fmt::Debug for Admin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Admin({:?})", self.file)
    }
}

async fn answer(stream: UnixStream, commands: &Commands) -> io::Result<()> {
    let (reader, mut writer) = stream.into_split();
    let mut line = String::new();
    timeout(
        ARRIVES,
        BufReader::new(reader.take(MAX_COMMAND)).read_line(&mut line),
    )
    .await??;
    let answer = commands(line.trim_end().to_owned()).await;
    writer.write_all(answer.replace('\n', " ").as_bytes()).await?;
    writer.write_all(b"\n").await?;
    writer.shutdown().await
}

/// Asks the program whose state folder is `folder`.
pub async fn ask(folder: &Path, command: &str) -> io::Result<String> {
    let mut stream = UnixStream::connect(folder.join(SOCKET)).await?;
    stream.write_all(format!("{command}\n").as_bytes()).await?;
    let mut answer = String::new();
    timeout(ANSWERS, stream.take(MAX_ANSWER).read_to_string(&mut answer)).await??;
    Ok(answer.trim_end().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fakes::Folder;

    #[tokio::test]
    async fn a_command_is_one_line_and_so_is_its_answer() {
        let folder = Folder::new("admin");
        let commands: Commands =
            Arc::new(|command| Box::pin(async move { format!("did {command}\nand more") }));
        let admin = Admin::bind(&folder.0, commands).unwrap();
        let mode = std::os::unix::fs::MetadataExt::mode(&std::fs::metadata(folder.0.join(SOCKET)).unwrap());
        assert_eq!(mode & 0o777, 0o600);
        let (stop, stopping) = watch::channel(false);
        let running = tokio::spawn(admin.run(stopping));
        assert_eq!(ask(&folder.0, "reload").await.unwrap(), "did reload and more");
        let long = ask(&folder.0, &"x".repeat(2 * usize::try_from(MAX_COMMAND).unwrap())).await;
        assert!(
            long.is_err() || long.is_ok_and(|answer| answer.len() < 5000),
            "a command is cut"
        );
        stop.send(true).unwrap();
        running.await.unwrap();
        assert!(ask(&folder.0, "reload").await.is_err());
        assert_eq!(std::fs::read_dir(&folder.0).unwrap().count(), 0);
    }
}
