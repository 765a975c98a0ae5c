//! Load on one core, the server on the other; CPU from /proc; median ratio and range over interleaved rounds.

use crate::{Failure, process};
use std::fmt::Write as _;
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// The core the measured servers run on; the load runs on the other.
pub(crate) const SERVER_CORE: &str = "0";
pub(crate) const LOAD_CORE: &str = "1";

/// Has this process, and the threads it starts from here on, run on the load's core.
pub(crate) fn pin_the_load() -> Result<(), Failure> {
    let own = std::process::id().to_string();
    let pinned = Command::new("taskset")
        .args(["-cp", LOAD_CORE, &own])
        .stdout(Stdio::null())
        .status()?;
    if pinned.success() {
        return Ok(());
    }
    Err("taskset could not pin the load".into())
}

/// A server under measurement: its process tree is ended when this is dropped.
pub(crate) struct Server {
    pub(crate) name: String,
    child: Child,
}

impl Server {
    /// Starts `command` on the server core with its output in `log`, and waits until `port` is listened on.
    pub(crate) fn start(
        name: &str,
        mut command: Vec<String>,
        log: &Path,
        port: u16,
    ) -> Result<Self, Failure> {
        let address = std::net::SocketAddr::from(([127, 0, 0, 1], port));
        let is_open = || TcpStream::connect_timeout(&address, Duration::from_millis(50)).is_ok();
        if is_open() {
            // What is left of another run would be asked, and this one measured.
            return Err(format!("somebody else listens on {port}, where {name} is to be measured").into());
        }
        let mut line = vec!["-c".to_owned(), SERVER_CORE.to_owned()];
        line.append(&mut command);
        let file = std::fs::File::create(log)?;
        let child = Command::new("taskset")
            .args(&line)
            .stdin(Stdio::null())
            .stdout(file.try_clone()?)
            .stderr(file)
            .spawn()
            .map_err(|error| format!("{name}: {error}"))?;
        let server = Self {
            name: name.to_owned(),
            child,
        };
        let begun = Instant::now();
        while !is_open() {
            if begun.elapsed() > Duration::from_secs(20) {
                return Err(format!(
                    "{name} does not listen on {port}; its words are in {}",
                    log.display()
                )
                .into());
            }
            std::thread::park_timeout(Duration::from_millis(20));
        }
        Ok(server)
    }

    /// User and system seconds of the whole process tree.
    pub(crate) fn cpu_seconds(&self) -> f64 {
        process::tree(self.child.id())
            .into_iter()
            .map(process::cpu_seconds)
            .sum()
    }

    /// Resident memory of the whole process tree, in KiB.
    pub(crate) fn resident_kib(&self) -> u64 {
        process::tree(self.child.id())
            .into_iter()
            .map(process::resident_kib)
            .sum()
    }

    /// The same, of which what is shared counts once, in KiB.
    pub(crate) fn proportional_kib(&self) -> u64 {
        process::tree(self.child.id())
            .into_iter()
            .map(process::proportional_kib)
            .sum()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        for process in process::tree(self.child.id()) {
            drop(
                Command::new("kill")
                    .args(["-TERM", &process.to_string()])
                    .stderr(Stdio::null())
                    .status(),
            );
        }
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// What one round of load showed.
#[derive(Clone, Copy)]
pub(crate) struct Round {
    pub(crate) requests_per_second: f64,
    pub(crate) cpu_microseconds: f64,
    pub(crate) p99_milliseconds: f64,
}

/// The load: wrk, 64 connections kept alive, with a script that cycles through `requests`.
pub(crate) struct Load {
    script: PathBuf,
    connections: u32,
}

impl Load {
    /// Writes a wrk script that sends `headers`, and the header `varying` with one of `values` in turn.
    pub(crate) fn new(
        folder: &Path,
        name: &str,
        headers: &[(&str, String)],
        varying: &str,
        values: &[String],
    ) -> Result<Self, Failure> {
        let list = folder.join(format!("{name}.values"));
        std::fs::write(&list, values.join("\n"))?;
        let mut fields = String::new();
        for (header, value) in headers {
            writeln!(fields, "  headers[\"{header}\"] = \"{value}\"")?;
        }
        let script = folder.join(format!("{name}.lua"));
        let text = format!(
            "local requests, at = {{}}, 0\nfunction init(args)\n  local headers = {{}}\n{fields}  for value in io.lines(\"{}\") do\n    \
             headers[\"{varying}\"] = value\n    requests[#requests + 1] = wrk.format(\"GET\", nil, headers)\n  end\nend\n\
             function request()\n  at = at % #requests + 1\n  return requests[at]\nend\n",
            list.display()
        );
        std::fs::write(&script, text)?;
        Ok(Self {
            script,
            connections: 64,
        })
    }

    /// Loads `url` for `seconds` and counts the CPU of `servers`. An answer that is not 2xx is a failure.
    pub(crate) fn run(&self, url: &str, seconds: u32, servers: &[&Server]) -> Result<Round, Failure> {
        let cpu = || servers.iter().map(|server| server.cpu_seconds()).sum::<f64>();
        let before = cpu();
        let output = Command::new("taskset")
            .args(["-c", LOAD_CORE, "wrk", "-t1", "--latency"])
            .args([
                format!("-c{}", self.connections),
                format!("-d{seconds}s"),
                "-s".to_owned(),
            ])
            .arg(&self.script)
            .arg(url)
            .output()?;
        let used = cpu() - before;
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        if !output.status.success() || text.contains("Non-2xx") || text.contains("Socket errors") {
            return Err(format!("{url}: {text}{}", String::from_utf8_lossy(&output.stderr)).into());
        }
        let number = |label: &str| {
            text.lines()
                .find_map(|line| line.trim().strip_prefix(label))
                .map(str::trim)
        };
        let requests = text
            .lines()
            .find_map(|line| line.trim().split_once(" requests in "))
            .map(|(count, _)| count);
        let requests: f64 = requests.ok_or("wrk counted nothing")?.parse()?;
        Ok(Round {
            requests_per_second: number("Requests/sec:").ok_or("no rate")?.parse()?,
            cpu_microseconds: used * 1e6 / requests,
            p99_milliseconds: number("99%").map(milliseconds).ok_or("no latency")?,
        })
    }
}

fn milliseconds(text: &str) -> f64 {
    let (scale, digits) = match text {
        _ if text.ends_with("us") => (0.001, text.trim_end_matches("us")),
        _ if text.ends_with("ms") => (1.0, text.trim_end_matches("ms")),
        _ => (1000.0, text.trim_end_matches('s')),
    };
    digits.parse::<f64>().unwrap_or(f64::NAN) * scale
}
