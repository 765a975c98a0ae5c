//! `docs/migrate/certificate-sso.md`: each line that it gives for one of the set-up stands in the example, and each that it
//! gives for an option is taken in the place it is said to be for.

use super::example::{self, Example, Kind};
use super::keys::openssl_says;
use crate::certificates::site::{ca, openssl};
use crate::fronts::{change, copy, read};
use crate::login::migrated::{found_in, rows, with};
use crate::process::{Folder, repository, until};
use serde_json::Value;
use std::process::Command;

const PAGE: &str = "docs/migrate/certificate-sso.md";
const EXAMPLE: &str = "examples/sso/nginx";

#[test]
fn every_new_line_of_the_set_up_is_in_the_example() {
    let found = found_in(EXAMPLE, rows(PAGE, "The set-up").into_iter().flatten());
    assert!(found >= 15, "{found}");
}

#[test]
fn every_new_line_for_an_option_is_taken_where_it_is_said_to_stand() {
    let folder = Folder::new();
    copy(&repository().join(EXAMPLE), &folder.0, &[]);
    ca(&folder, &["init", "--name", "Example"]);
    // Keys of somebody's, readable by nobody else.
    openssl(&folder, "genrsa -out jwt.key 2048");
    openssl(&folder, "pkey -in ca/root.key -pubout -out old.pem");
    folder.write("sealing-key", "0123456789abcdef0123456789abcdef0123456789abcdef");
    let example = read(&folder.0.join("countersign.toml"));
    let check = |text: &str, lines: &[String]| {
        folder.write("changed.toml", text);
        let mut command = Command::new(env!("CARGO_BIN_EXE_countersign"));
        let output = command
            .args(["check", "changed.toml"])
            .current_dir(&folder.0)
            .output();
        let output = output.unwrap();
        let told = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{lines:?}: {told}");
    };
    check(&example, &[]);
    for (heading, table, least) in [
        ("Options: the certificates", "[certificate.people]", 2),
        ("Options: the provider", "[openid_provider]", 8),
        ("Options: the sites", "[session]", 3),
    ] {
        let rows = rows(PAGE, heading);
        assert!(rows.len() >= least, "{heading}: {}", rows.len());
        for lines in rows {
            check(&with(&example, table, &lines), &lines);
        }
    }
    // What applications are told with.
    for key in ["add", "cookies"] {
        let begin = format!("\n{key} = {{");
        for told in read(&repository().join(PAGE)).split(&begin).skip(1) {
            let line = format!("{key} = {{{}}}", told.split('}').next().unwrap());
            check(&format!("{example}\n[identity_headers]\n{line}\n"), &[line]);
        }
    }
}

/// Beside nginx, whose sites ask for no certificate: at the one that is listed so, a token is taken without.
#[test]
fn a_script_gets_a_token_by_the_one_line_of_the_page_and_a_site_takes_it() {
    let page = read(&repository().join(PAGE));
    let tables = page
        .split("```toml\n")
        .find(|text| text.starts_with("[token.home]"));
    let tables = tables.and_then(|text| text.split("```").next()).unwrap();
    let accept = rows(PAGE, "Scripts and devices").concat();
    let [accept] = accept.as_slice() else {
        panic!("{accept:?}")
    };
    let line = page.lines().find_map(|line| line.strip_prefix("$ curl")).unwrap();
    let example = Example::start_edited(Kind::Nginx, |folder| {
        let configuration = folder.0.join("countersign.toml");
        change(&configuration, "accept = [\"sso.home\"]", accept);
        let text = read(&configuration);
        let (_, port) = text.split_once("https://sso.home.test").unwrap();
        let port = port.split('"').next().unwrap();
        let tables = tables.replace(":8443", port);
        folder.write("countersign.toml", format!("{text}\n{tables}"));
        for kind in ["crt", "key"] {
            let from = folder.0.join(format!("ca/issued/{}.{kind}", example::ANN));
            std::fs::copy(from, folder.0.join(format!("robot.{kind}"))).unwrap();
        }
    });
    let port = example.issuer().rsplit_once(':').unwrap().1.to_owned();
    let curl = |line: &str| {
        let mut command = Command::new("sh");
        let here = format!("--connect-to ::127.0.0.1:{port}");
        command
            .args(["-c", &format!("curl -sS --noproxy '*' {here} {line}")])
            .env("CURL_CA_BUNDLE", "ca/root.crt")
            .current_dir(&example.folder.0);
        let output = command.output().unwrap();
        let told = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{told}");
        String::from_utf8(output.stdout).unwrap()
    };
    let line = line.replace(":8443", &format!(":{port}"));
    let token = |line: &str| {
        let answer = curl(line);
        let answer = serde_json::from_str::<Value>(&answer).unwrap_or_else(|_| panic!("{answer}"));
        let told = (&answer["token_type"], &answer["expires_in"]);
        assert_eq!(told, (&"Bearer".into(), &120.into()), "{answer}");
        answer["access_token"].as_str().unwrap().to_owned()
    };
    let shown = |host: &str, token: &str| {
        let url = example.url(host, "/page");
        curl(&format!(
            "-w '\\n%{{http_code}}' -H 'Authorization: bearer {token}' {url}"
        ))
    };
    let at_app = token(&line);
    let answer = shown("app.home.test", &at_app);
    assert!(answer.ends_with("\n200"), "{answer}");
    let seen = example.seen();
    assert_eq!(seen.said("x-auth-subject"), [example::ANN], "{seen:?}");
    let at_wiki = token(&line.replace("app.home.test", "wiki.home.test"));
    for (host, token, why) in [
        ("wiki.home.test", at_wiki, "token_bound"),
        ("wiki.home.test", at_app, "audience_wrong"),
    ] {
        let answer = shown(host, &token);
        assert!(answer.contains(why) && answer.ends_with("\n401"), "{answer}");
    }
}

/// The application gets what it always got: a cookie `AccessToken`, signed by the old key, RS256, which it checks by itself.
#[test]
fn an_application_that_checks_the_old_token_with_the_old_key_goes_on() {
    let page = read(&repository().join(PAGE));
    let line = "cookies = { AccessToken = \"id_token\" }\n";
    assert!(page.contains(line));
    let example = Example::start_edited(Kind::Nginx, |folder| {
        openssl(folder, "genrsa -traditional -out jwt.key 4096");
        let configuration = folder.0.join("countersign.toml");
        change(
            &configuration,
            "[openid_provider]\n",
            "[openid_provider]\nkey = { file = \"jwt.key\" }\n",
        );
        change(
            &configuration,
            "[session]\n",
            &format!("[identity_headers]\n{line}\n[session]\n"),
        );
        // What a client has of that name is nothing.
        folder.write(
            "jar",
            "app.home.test\tFALSE\t/\tTRUE\t0\tAccessToken\tforged\napp.home.test\tFALSE\t/\tTRUE\t0\ttheme\tdark\n",
        );
    });
    let at = example.issuer().rsplit_once(':').unwrap().1.to_owned();
    let curl = |url: &str, more: &[&str]| {
        let mut command = Command::new("curl");
        command
            .args(["-sS", "-L", "--max-time", "20", "--noproxy", "*"])
            .args(["--connect-to", &format!("::127.0.0.1:{at}")])
            .args(["--cacert", "ca/root.crt", "-b", "jar", "-c", "jar"])
            .args(["-H", "Accept: text/html", url])
            .args(more)
            .current_dir(&example.folder.0);
        let output = command.output().unwrap();
        assert!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
        String::from_utf8(output.stdout).unwrap()
    };
    let who = format!("ca/issued/{}", example::ANN);
    let (certificate, key) = (format!("{who}.crt"), format!("{who}.key"));
    let visits = ["--cert", &certificate, "--key", &key, "-w", "\n%{http_code}"];
    let page = example.url("app.home.test", "/page");
    until("somebody is signed in", || {
        curl(&page, &visits).ends_with("\n200")
    });
    let seen = example.seen();
    let cookies = seen.said("cookie");
    let [cookies] = cookies.as_slice() else {
        panic!("{seen:?}")
    };
    let token = cookies.strip_prefix("theme=dark; AccessToken=");
    let token = token.unwrap_or_else(|| panic!("{seen:?}"));
    let pem = curl(&format!("{}/.countersign/keys.pem", example.issuer()), &[]);
    assert_eq!(openssl_says(&example.folder, token, &pem), "Verified OK");
}
