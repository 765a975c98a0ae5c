//! The demo does what it says: each curl line it prints is run, and gets what the line before it promised.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};

/// The demo, ended when this is dropped.
struct Demo(Child);

impl Drop for Demo {
    fn drop(&mut self) {
        drop(
            Command::new("kill")
                .args(["-TERM", &self.0.id().to_string()])
                .status(),
        );
        drop(self.0.wait());
    }
}

#[test]
fn every_line_the_demo_prints_gets_what_it_promises() {
    let mut command = Command::new(env!("CARGO_BIN_EXE_countersign"));
    command
        .arg("demo")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null());
    let mut demo = Demo(command.spawn().unwrap());
    let lines = BufReader::new(demo.0.stdout.take().unwrap())
        .lines()
        .map(Result::unwrap);
    let said = lines
        .take_while(|line| !line.contains("Ctrl-C"))
        .collect::<Vec<_>>();
    let promised = said
        .windows(2)
        .filter(|pair| pair[0].starts_with("# ") && pair[1].starts_with("curl "));
    let mut count = 0;
    for pair in promised {
        let output = Command::new("sh")
            .args(["-c", &format!("{} -s --noproxy '*'", pair[1])])
            .output()
            .unwrap();
        let answer = String::from_utf8(output.stdout).unwrap();
        let promise = pair[0].trim_start_matches("# ");
        let status = promise.get(..3).unwrap();
        assert!(
            answer.starts_with(&format!("HTTP/1.1 {status} ")),
            "{promise}: {answer}"
        );
        if let Some(reason) = promise.strip_prefix("401 ") {
            let reason = reason.split(':').next().unwrap();
            assert!(
                answer.contains(&format!("\"reason\":\"{reason}\"")),
                "{promise}: {answer}"
            );
        } else {
            assert!(
                answer.contains("\"x-auth-subject\": \"ann\"") && !answer.contains("root"),
                "{promise}: {answer}"
            );
        }
        count += 1;
    }
    assert_eq!(count, 5, "{said:?}");
}
