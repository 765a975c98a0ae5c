//! What is written: the files of `examples/`, with the answers in the places of what stands there for them.

use super::answers::Answers;
use std::path::Path;

/// What stands in front of the application.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum Front {
    /// nginx asks Countersign (`auth_request`).
    Nginx,
    /// Caddy asks Countersign (`forward_auth`).
    Caddy,
    /// Traefik asks Countersign (ForwardAuth).
    Traefik,
    /// Countersign is the reverse proxy itself.
    Standalone,
}

/// What the examples call the application's host, and where it is.
const HOST: &str = "app.test";
const UPSTREAM: &str = "http://127.0.0.1:9000";

macro_rules! example {
    ($name:literal) => {
        include_str!(concat!("../../../../../examples/", $name))
    };
}

/// nginx's snippets that stand as they are.
const SNIPPETS: [(&str, &str); 5] = [
    (
        "countersign/guard.conf",
        example!("nginx/login/countersign/guard.conf"),
    ),
    (
        "countersign/head.conf",
        example!("nginx/login/countersign/head.conf"),
    ),
    (
        "countersign/http.conf",
        example!("nginx/login/countersign/http.conf"),
    ),
    (
        "countersign/proxy.conf",
        example!("nginx/login/countersign/proxy.conf"),
    ),
    (
        "countersign/question.conf",
        example!("nginx/login/countersign/question.conf"),
    ),
];

/// The files for `front`: name and content.
pub(super) fn of(front: Front, answers: &Answers) -> Vec<(&'static str, String)> {
    let configuration = ("countersign.toml", configuration(front, answers));
    let further = match front {
        Front::Nginx => nginx(answers),
        Front::Caddy => vec![("Caddyfile", caddyfile(answers))],
        Front::Traefik => vec![
            (
                "traefik.yml",
                without_places(example!("traefik/login/traefik.yml")).replace("127.0.0.1:8443", ":443"),
            ),
            (
                "dynamic.yml",
                placed(&without_open(example!("traefik/login/dynamic.yml")), answers),
            ),
        ],
        Front::Standalone => Vec::new(),
    };
    std::iter::once(configuration).chain(further).collect()
}

/// The same for the configuration.
fn configuration(front: Front, answers: &Answers) -> String {
    let example = match front {
        Front::Nginx => example!("nginx/login/countersign.toml"),
        Front::Caddy => example!("caddy/login/countersign.toml"),
        Front::Traefik => example!("traefik/login/countersign.toml"),
        Front::Standalone => example!("standalone/login.toml"),
    };
    // What the example has for somebody who comes from elsewhere.
    let guarded = without_open(example);
    let usual = guarded.lines().filter(|line| {
        let key = line.split('=').next().unwrap_or("").trim_end();
        !["callback", "logout", "after_logout", "remember", "challenge"].contains(&key)
    });
    let usual = joined(usual);
    let usual = match (usual.find("[session]"), usual.find("[[route]]")) {
        (Some(begins), Some(ends)) if begins < ends => {
            let (before, rest) = usual.split_at(begins);
            format!("{before}{}", rest.split_at(ends - begins).1)
        }
        (_, _) => usual,
    };
    let lines = usual.lines().filter(|line| !line.starts_with("https_port"));
    let lines = lines.map(|line| match line.split_once("  # ") {
        Some((code, remark)) if !remark.starts_with("for the rest of the world") => {
            format!("{:<45} # {remark}\n", answered(code.trim_end(), answers))
        }
        Some((code, _)) => format!("{}\n", answered(code.trim_end(), answers)),
        None => format!("{}\n", answered(line, answers)),
    });
    lines.collect()
}

/// A line of the configuration with the answers in it.
fn answered(line: &str, answers: &Answers) -> String {
    let quoted = |text: &str| toml::Value::String(text.to_owned()).to_string();
    let ours = line
        .replace("login.toml", "countersign.toml")
        .replace("\"127.0.0.1:8443\"", "\"[::]:443\"")
        .replace("\"127.0.0.1:8080\"", "\"[::]:80\"");
    // Their own words come last, so that nothing in them is taken for a place of the example's.
    match ours.as_str() {
        issuer if issuer.contains("\"https://op.example\"") => {
            issuer.replace("\"https://op.example\"", &quoted(&answers.issuer))
        }
        client if client.contains("\"app\"") => client.replace("\"app\"", &quoted(&answers.client_id)),
        secret if secret.contains("\"client-secret\"") => {
            secret.replace("\"client-secret\"", &quoted(&answers.secret_file))
        }
        other => placed(other, answers),
    }
}

fn nginx(answers: &Answers) -> Vec<(&'static str, String)> {
    // One open location and two paths of one's own are in the example to be seen.
    let server = example!("nginx/login/app.conf");
    let server = server.split("\n    location = /bye").next().unwrap_or(server);
    let server = format!("{server}}}\n").replace("127.0.0.1:8443 ssl", "443 ssl");
    let locations = example!("nginx/login/countersign/locations.conf");
    let locations = locations
        .split("\n# Two of them at paths of your own")
        .next()
        .unwrap_or(locations);
    let mut files = vec![
        ("nginx.conf", without_places(example!("nginx/login/nginx.conf"))),
        ("app.conf", placed(&server, answers)),
        ("countersign/locations.conf", locations.to_owned()),
    ];
    files.extend(SNIPPETS.map(|(name, content)| (name, content.to_owned())));
    files
}

/// Caddy has certificates of its own, and listens where it always does.
fn caddyfile(answers: &Answers) -> String {
    let example = &*without_open(example!("caddy/login/Caddyfile"));
    let site = example
        .find("https://")
        .and_then(|begins| example.get(begins..))
        .unwrap_or(example);
    let site = site.replace("https://app.test:8443", HOST);
    let own = |line: &&str| !line.starts_with("\tbind ") && !line.starts_with("\ttls ");
    let mut lines = joined(site.lines().filter(own));
    lines = lines.replacen(" {\n\n", " {\n", 1);
    lines = lines.replace(
        "reverse_proxy 127.0.0.1:9000",
        &format!("reverse_proxy {UPSTREAM}"),
    );
    placed(&lines, answers)
}

/// Without the parts that the examples have for what is open to everybody.
fn without_open(text: &str) -> String {
    let parts = text
        .split("\n\n")
        .filter(|part| !part.contains("pen to everybody"));
    let kept = parts.collect::<Vec<_>>().join("\n\n");
    format!("{}\n", kept.trim_end())
}

fn joined<'a>(lines: impl Iterator<Item = &'a str>) -> String {
    let mut text = lines.collect::<Vec<_>>().join("\n");
    text.push('\n');
    text
}

/// Without the remark at the top that says which addresses to change.
fn without_places(text: &str) -> String {
    let (mut kept, mut within) = (String::new(), false);
    for line in text.lines() {
        within = line.starts_with("# Address") || within && line.starts_with('#');
        if !within {
            kept.push_str(line);
            kept.push('\n');
        }
    }
    kept
}

/// With the application's host and place.
fn placed(text: &str, answers: &Answers) -> String {
    text.replace(UPSTREAM, &answers.upstream)
        .replace(HOST, &answers.host)
}

/// What is left to do, step by step.
pub(super) fn next(front: Front, answers: &Answers, folder: &Path) -> Vec<String> {
    let host = &answers.host;
    let file = |name: &str| folder.join(name).display().to_string();
    let secret = folder.join(&answers.secret_file);
    let mut steps = vec![format!(
        "At the provider, register the redirect URI https://{host}/.countersign/callback"
    )];
    if answers.issuer.ends_with('/') {
        let document = format!("{}.well-known/openid-configuration", answers.issuer);
        steps.push(format!(
            "Compare the issuer with `issuer` in {document}: letter for letter, and few providers end with a slash"
        ));
    }
    if !secret.exists() {
        steps.push(format!(
            "Put the client's secret into {} (chmod 600)",
            secret.display()
        ));
    }
    match front {
        Front::Nginx => steps.extend([
            format!("Put the certificate of {host} and its key where {} says", file("app.conf")),
            "In a server of your own: take what nginx.conf has in `http`, include countersign/locations.conf, and in each \
             location to guard countersign/guard.conf and countersign/proxy.conf"
                .to_owned(),
        ]),
        Front::Caddy => steps.push("Caddy gets a certificate itself; in a Caddyfile of your own, take the whole site".to_owned()),
        Front::Traefik => steps.extend([
            format!("Put the certificate of {host} and its key where {} says", file("dynamic.yml")),
            "In a Traefik of your own: take the two routers, the middleware and the service of dynamic.yml".to_owned(),
        ]),
        Front::Standalone => {
            steps.push(format!("Put the certificate of {host} and its key where {} says", file("countersign.toml")));
        }
    }
    let configuration = file("countersign.toml");
    steps.push(format!("countersign check {configuration}"));
    steps.push(format!("countersign run --config {configuration}"));
    match front {
        Front::Nginx => steps.push(format!("nginx -p {} -c nginx.conf", folder.display())),
        Front::Caddy => steps.push(format!("caddy run --config {}", file("Caddyfile"))),
        Front::Traefik => steps.push("traefik --configfile=traefik.yml, in that folder".to_owned()),
        Front::Standalone => {}
    }
    steps.push(format!("In a browser: https://{host}/"));
    steps
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::ValueEnum as _;

    fn answers(issuer: &str) -> Answers {
        Answers {
            issuer: issuer.to_owned(),
            client_id: "web\"portal".to_owned(),
            secret_file: "/run/secrets/portal".to_owned(),
            host: "portal.corp".to_owned(),
            upstream: "http://10.0.0.7:3000".to_owned(),
        }
    }

    #[test]
    fn an_issuer_with_a_slash_at_its_end_is_to_be_compared() {
        let next = |issuer| next(Front::Nginx, &answers(issuer), Path::new("")).join("\n");
        let told = "`issuer` in https://login.corp/realm/.well-known/openid-configuration";
        assert!(next("https://login.corp/realm/").contains(told));
        assert!(!next("https://login.corp/realm").contains("`issuer`"));
    }

    #[test]
    fn nothing_is_left_of_what_the_examples_stand_for() {
        let answers = answers("https://login.corp/realm");
        for front in Front::value_variants() {
            for (name, content) in of(*front, &answers) {
                for left in [
                    HOST,
                    "op.example",
                    "127.0.0.1:9000",
                    ":8443",
                    ":8080",
                    "\"app\"",
                    "client-secret",
                    "/bye",
                    "/auth ",
                ] {
                    assert!(!content.contains(left), "{front:?}, {name}: {left}\n{content}");
                }
                assert!(
                    content.ends_with('\n') && !content.contains("\n\n\n"),
                    "{front:?}, {name}:\n{content}"
                );
            }
            let all = of(*front, &answers)
                .into_iter()
                .map(|(_, content)| content)
                .collect::<String>();
            for there in [
                "portal.corp",
                "login.corp/realm",
                "10.0.0.7:3000",
                "/run/secrets/portal",
            ] {
                assert!(all.contains(there), "{front:?}: {there}");
            }
        }
    }
}
