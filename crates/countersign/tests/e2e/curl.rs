//! curl, as somebody in a folder of one test.

use crate::process::Folder;
use std::process::Command;

/// curl that believes the authority of `folder`, which was made there by `countersign ca`.
pub(crate) fn curl(folder: &Folder) -> Command {
    let mut command = Command::new("curl");
    command
        .args(["-s", "-S", "--max-time", "30", "--noproxy", "*"])
        .args(["--cacert", "ca/root.crt"])
        .current_dir(&folder.0);
    command
}

/// Where somebody has ended up.
#[derive(Clone, Debug)]
pub(crate) struct Place {
    pub(crate) url: String,
    pub(crate) status: u16,
    pub(crate) body: String,
}

/// Where `command` ends up when it goes where it is sent, as a browser does.
pub(crate) fn follow(mut command: Command) -> Place {
    command
        .args(["-L", "-H", "Accept: text/html"])
        .args(["-w", "\n%{http_code} %{url_effective}"]);
    let text = succeed(&mut command);
    let (body, end) = text.rsplit_once('\n').unwrap();
    let (status, url) = end.split_once(' ').unwrap();
    Place {
        url: url.to_owned(),
        status: status.parse().unwrap(),
        body: body.to_owned(),
    }
}

/// What `command` says; it must succeed.
pub(crate) fn succeed(command: &mut Command) -> String {
    let output = command.output().unwrap();
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {told}");
    String::from_utf8_lossy(&output.stdout).into_owned()
}
