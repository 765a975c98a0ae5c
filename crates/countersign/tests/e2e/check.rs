//! jwtauthrequest's users move over: its sample configuration is imported by one command, and its nginx snippet and its
//! curl line run unchanged but for the port.

use crate::forge;
use crate::fronts::{gateway, nginx};
use crate::http::{Address, Request};
use crate::process::{Folder, Process, free_addresses, until_open};
use serde_json::json;
use std::net::SocketAddr;
use std::process::Command;

/// The sample of its README.
const SAMPLE: &str = r#"{
  "listen-port": ":8081",
  "clients": [
    {
      "endpoints": ["/auth"],
      "name": "Test endpoint",
      "required-claims": ["exp", "iss"],
      "allowed-algo": ["HS256"],
      "token-name": "Authorization",
      "trim-prefix": "Bearer ",
      "audience": ["developer"],
      "HMAC": "qwertyuiopasdfghjklzxcvbnm123456",
      "debug": true,
      "issuer": "golang"
    }
  ]
}"#;

/// The snippet of its README, in a server.
const SNIPPET: &str = r"error_log stderr;
pid nginx.pid;
events {}
http {
    access_log off;
    server {
        listen ADDRESS;
        client_max_body_size 2m;
        location / {
            auth_request /_oauth2_token_introspection;
            alias /var/www/html;
        }
        location = /_oauth2_token_introspection {
            proxy_method GET;
            proxy_pass http://localhost:8081/auth;
        }
    }
}
";

struct Moved {
    front: Address,
    gateway: SocketAddr,
    _processes: [Process; 2],
    _folder: Folder,
}

/// Imports the sample, starts the result, and nginx with the snippet.
fn start() -> Moved {
    let folder = Folder::new();
    let [front, asked] = free_addresses();
    let sample = folder.write(
        "config.json",
        SAMPLE.replace(":8081", &format!(":{}", asked.port())),
    );
    let imported = Command::new(env!("CARGO_BIN_EXE_countersign"))
        .args(["import", "jwtauthrequest"])
        .arg(&sample)
        .arg("--query-token")
        .current_dir(&folder.0)
        .output()
        .unwrap();
    let report = String::from_utf8_lossy(&imported.stderr);
    assert!(imported.status.success(), "{report}");
    let configuration = folder.0.join("countersign.toml");
    let mut gateway = gateway(&configuration, &folder.0.join("state"));
    until_open(&mut gateway, asked);

    // As the snippet is written, its `alias` takes the place of `/`: `/index.html` is the file `htmlindex.html`.
    folder.write("htmlindex.html", "the page\n");
    let html = folder.0.join("html");
    let snippet = SNIPPET
        .replace("ADDRESS", &front.to_string())
        .replace("/var/www/html", &html.display().to_string())
        .replace("localhost:8081", &format!("localhost:{}", asked.port()));
    folder.write("nginx.conf", &snippet);
    let mut nginx = Process::start("nginx", &mut nginx(&folder.0, "nginx.conf"));
    until_open(&mut nginx, front);
    Moved {
        front: front.into(),
        gateway: asked,
        _processes: [gateway, nginx],
        _folder: folder,
    }
}

fn token(secret: &str, audience: &str) -> String {
    let mut claims = forge::claims("golang", "ann");
    claims["aud"] = json!(audience);
    forge::hmac_token(secret, &claims)
}

const SECRET: &str = "qwertyuiopasdfghjklzxcvbnm123456";

#[test]
fn the_nginx_snippet_of_jwtauthrequest_runs_unchanged() {
    let moved = start();
    let status = |token: Option<&str>| {
        Request::get("/index.html", "localhost")
            .bearer(token)
            .send(&moved.front)
            .status
    };
    assert_eq!(status(Some(&token(SECRET, "developer"))), 200);
    assert_eq!(status(None), 403, "theirs answers 200 or 403 and nothing else");
    assert_eq!(status(Some(&token(SECRET, "somebody else"))), 403);
    assert_eq!(
        status(Some(&token("qwertyuiopasdfghjklzxcvbnm12345X", "developer"))),
        403
    );
}

#[test]
fn an_upload_of_a_megabyte_is_judged_by_its_head_at_once() {
    let moved = start();
    let body = vec![b'x'; 1 << 20];
    let good = token(SECRET, "developer");
    let began = forge::now();
    // nginx asks with the upload's Content-Length and sends no body: whoever waits for it hangs. 405 is nginx's own
    // answer to a POST for a static file, once it was allowed.
    let upload = Request::new("POST", "/index.html", "localhost").body(&body);
    assert_eq!(upload.clone().bearer(Some(&good)).send(&moved.front).status, 405);
    assert_eq!(upload.send(&moved.front).status, 403);
    // The same question on a connection that could stay open is answered, and the connection closed: what would come
    // next on it might be the body.
    let asked = Request::get("/auth", "localhost")
        .kept_open()
        .header("Content-Length", "1048576");
    let allowed = asked.clone().bearer(Some(&good)).send(&moved.gateway.into());
    assert_eq!(
        (allowed.status, allowed.header("Connection")),
        (200, Some("close"))
    );
    assert_eq!(asked.send(&moved.gateway.into()).status, 403);
    assert!(forge::now() - began <= 5, "not at once");
}

#[test]
fn the_curl_line_of_jwtauthrequest_runs_unchanged() {
    let moved = start();
    let curl = |query: &str| {
        let url = format!("http://localhost:{}/auth{query}", moved.gateway.port());
        let output = Command::new("curl").args(["-sS", "-I", &url]).output().unwrap();
        String::from_utf8_lossy(&output.stdout)
            .lines()
            .next()
            .unwrap_or_default()
            .to_owned()
    };
    let good = token(SECRET, "developer");
    assert_eq!(curl(&format!("?token={good}")), "HTTP/1.1 200 OK");
    assert_eq!(curl("?token=not.a.token"), "HTTP/1.1 403 Forbidden");
    assert_eq!(curl(""), "HTTP/1.1 403 Forbidden");
}
