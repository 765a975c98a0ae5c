//! What has to be known: five things, from arguments or from whoever sits at the terminal.

use crate::output::Output;
use countersign_core::gate::Host;
use std::io::{BufRead as _, IsTerminal as _, Read as _};
use url::{Host as UrlHost, Url};

/// How often one question is asked before it is given up.
const TRIES: u32 = 3;
/// The longest answer, in bytes.
const LONGEST: usize = 2048;

/// What is given as arguments.
#[derive(Clone, Debug, Default, clap::Args)]
pub(super) struct Given {
    /// The provider's issuer, as its discovery document says it: https://op.example.
    #[arg(long, value_name = "URL")]
    issuer: Option<String>,
    /// The client, as registered with the provider.
    #[arg(long, value_name = "ID")]
    client_id: Option<String>,
    /// The file with the client's secret; a relative path begins at the folder that is written into. Otherwise client-secret.
    #[arg(long, value_name = "FILE")]
    client_secret_file: Option<String>,
    /// The name that browsers reach the application by: app.example.
    #[arg(long, value_name = "NAME")]
    host: Option<String>,
    /// Where the application is. Otherwise http://127.0.0.1:9000.
    #[arg(long, value_name = "URL")]
    upstream: Option<String>,
}

/// What is known in the end, all of it judged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Answers {
    /// The provider's issuer.
    pub(super) issuer: String,
    /// The client.
    pub(super) client_id: String,
    /// The file with its secret.
    pub(super) secret_file: String,
    /// The name of the application's host.
    pub(super) host: String,
    /// Scheme, host and port of the application.
    pub(super) upstream: String,
}

/// One question.
#[derive(Clone, Copy, Debug)]
pub(super) struct Question {
    /// What is asked.
    pub(super) text: &'static str,
    /// What is meant by an empty line.
    pub(super) usual: Option<&'static str>,
    /// The argument that answers it.
    argument: &'static str,
    judge: fn(&str) -> Result<String, String>,
}

const ISSUER: Question = Question {
    text: "The issuer of the OpenID Provider, such as https://op.example",
    usual: None,
    argument: "--issuer",
    judge: issuer,
};
const CLIENT_ID: Question = Question {
    text: "The client id that the provider has registered",
    usual: None,
    argument: "--client-id",
    judge: client_id,
};
const SECRET_FILE: Question = Question {
    text: "The file with the client's secret",
    usual: Some("client-secret"),
    argument: "--client-secret-file",
    judge: secret_file,
};
const HOST: Question = Question {
    text: "The name that browsers reach the application by, such as app.example",
    usual: None,
    argument: "--host",
    judge: host,
};
const UPSTREAM: Question = Question {
    text: "Where the application is",
    usual: Some("http://127.0.0.1:9000"),
    argument: "--upstream",
    judge: upstream,
};

/// Asks one question, and says why the answer before does not do.
type Ask<'a> = dyn FnMut(Question, Option<&str>) -> Result<String, String> + 'a;

impl Given {
    fn to(&self) -> [(Question, Option<&str>); 5] {
        [
            (ISSUER, self.issuer.as_deref()),
            (CLIENT_ID, self.client_id.as_deref()),
            (SECRET_FILE, self.client_secret_file.as_deref()),
            (HOST, self.host.as_deref()),
            (UPSTREAM, self.upstream.as_deref()),
        ]
    }
}

impl Answers {
    /// From arguments alone: what is missing and has nothing usual is told.
    pub(super) fn given(given: &Given) -> Result<Self, String> {
        let missing = given.to().into_iter();
        let missing = missing.filter(|(question, answer)| answer.is_none() && question.usual.is_none());
        let missing = missing.map(|(question, _)| question.argument).collect::<Vec<_>>();
        if !missing.is_empty() {
            return Err(format!(
                "nobody can be asked here, so these are needed: {}",
                missing.join(", ")
            ));
        }
        Self::asked(given, &mut |_, _| Ok(String::new()))
    }

    /// From arguments, and for those that are missing from `ask`, which is told why the answer before does not do.
    pub(super) fn asked(given: &Given, ask: &mut Ask<'_>) -> Result<Self, String> {
        let mut answers = Vec::new();
        for (question, answer) in given.to() {
            answers.push(question.answered(answer, ask)?);
        }
        let mut answers = answers.into_iter();
        let mut next = || answers.next().unwrap_or_default();
        Ok(Self {
            issuer: next(),
            client_id: next(),
            secret_file: next(),
            host: next(),
            upstream: next(),
        })
    }
}

impl Question {
    fn answered(self, given: Option<&str>, ask: &mut Ask<'_>) -> Result<String, String> {
        let told = |why: String| format!("{}: {why}", self.argument);
        if let Some(given) = given {
            return (self.judge)(given).map_err(told);
        }
        let mut why = None;
        for _ in 0..TRIES {
            let line = ask(self, why.as_deref())?;
            let answer = match line.trim() {
                "" => self.usual.unwrap_or(""),
                answer => answer,
            };
            match (self.judge)(answer) {
                Ok(answer) => return Ok(answer),
                Err(wrong) => why = Some(wrong),
            }
        }
        Err(told(why.unwrap_or_default()))
    }
}

/// Whoever sits at the terminal.
pub(super) struct Person(std::io::Stdin);

impl Person {
    /// Nobody, where there is none: then nothing is waited for.
    pub(super) fn at_the_terminal() -> Option<Self> {
        let input = std::io::stdin();
        input.is_terminal().then_some(Self(input))
    }

    /// The answer, a line; questions go to standard error, so that the answer of the command is alone in its place.
    pub(super) fn answer(
        &self,
        question: Question,
        why: Option<&str>,
        out: &mut Output,
    ) -> Result<String, String> {
        if let Some(why) = why {
            out.error_line(&format!("That will not do: {why}."));
        }
        let usual = question
            .usual
            .map(|usual| format!(" [{usual}]"))
            .unwrap_or_default();
        out.error_line(&format!("{}{usual}:", question.text));
        let mut line = String::new();
        let limit = u64::try_from(LONGEST).unwrap_or(u64::MAX);
        let read = self.0.lock().take(limit).read_line(&mut line);
        match read.map_err(|error| format!("the terminal: {error}"))? {
            0 => Err(format!("no answer; {} would give it", question.argument)),
            _ => Ok(line),
        }
    }
}

/// An issuer: https, but on this very machine, and nothing behind the path.
fn issuer(text: &str) -> Result<String, String> {
    let url = web_url(text)?;
    let here = match url.host() {
        Some(UrlHost::Domain(name)) => name == "localhost",
        Some(UrlHost::Ipv4(address)) => address.is_loopback(),
        Some(UrlHost::Ipv6(address)) => address.is_loopback(),
        None => false,
    };
    if url.scheme() != "https" && !here {
        return Err("an issuer is asked over https".to_owned());
    }
    // As it was written: a provider may or may not end with a slash, and it must be the same.
    Ok(text.to_owned())
}

fn client_id(text: &str) -> Result<String, String> {
    let sound = !text.is_empty() && text.len() <= LONGEST && !text.chars().any(char::is_control);
    sound
        .then(|| text.to_owned())
        .ok_or_else(|| "a client has an id".to_owned())
}

fn secret_file(text: &str) -> Result<String, String> {
    let sound = !text.is_empty() && text.len() <= LONGEST && !text.chars().any(char::is_control);
    sound
        .then(|| text.to_owned())
        .ok_or_else(|| "this is no name of a file".to_owned())
}

/// A name alone. It gets into other programs' files, too: nothing that means something there is in it.
fn host(text: &str) -> Result<String, String> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'.';
    let host = Host::judge(text).ok().filter(|_| text.bytes().all(plain));
    let name = host
        .map(|host| host.name().to_owned())
        .filter(|name| !name.is_empty());
    name.ok_or_else(|| "a name such as app.example, without https:// and without a port".to_owned())
}

fn upstream(text: &str) -> Result<String, String> {
    let url = web_url(text)?;
    if url.scheme() != "http" || url.path() != "/" {
        return Err("http, a host and a port, nothing more: http://127.0.0.1:9000".to_owned());
    }
    let host = url.host_str().unwrap_or_default();
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-.:[]".contains(&byte);
    if !host.bytes().all(plain) {
        return Err(format!("`{host}` is no host"));
    }
    Ok(format!(
        "http://{host}:{}",
        url.port_or_known_default().unwrap_or(80)
    ))
}

fn web_url(text: &str) -> Result<Url, String> {
    let url = Url::parse(text).map_err(|error| format!("this is no URL: {error}"))?;
    let sound = matches!(url.scheme(), "http" | "https")
        && url.username().is_empty()
        && url.password().is_none()
        && url.query().is_none()
        && url.fragment().is_none()
        && text.len() <= LONGEST
        && text.bytes().all(|byte| byte.is_ascii_graphic());
    sound
        .then_some(url)
        .ok_or_else(|| "a URL with a scheme, a host and a path, nothing more".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn given(issuer: &str, host: &str, upstream: &str) -> Given {
        Given {
            issuer: Some(issuer.to_owned()),
            client_id: Some("app".to_owned()),
            client_secret_file: None,
            host: Some(host.to_owned()),
            upstream: Some(upstream.to_owned()),
        }
    }

    #[test]
    fn what_has_something_usual_need_not_be_given() {
        let answers =
            Answers::given(&given("https://op.example/", "App.example", "http://127.0.0.1")).unwrap();
        assert_eq!(answers.issuer, "https://op.example/");
        assert_eq!(answers.host, "app.example");
        assert_eq!(answers.secret_file, "client-secret");
        assert_eq!(answers.upstream, "http://127.0.0.1:80");
    }

    #[test]
    fn where_nobody_can_be_asked_the_missing_arguments_are_told() {
        let told = Answers::given(&Given::default()).unwrap_err();
        assert!(told.ends_with("needed: --issuer, --client-id, --host"), "{told}");
    }

    #[test]
    fn what_gets_into_other_programs_files_means_nothing_there() {
        for host in [
            "",
            "a b",
            "a;",
            "a{b",
            "a`b",
            "https://a",
            "a:443",
            "*.a",
            "a/b",
            "[::1]",
            "ä.example",
        ] {
            assert!(
                Answers::given(&given("https://op.example", host, "http://a")).is_err(),
                "{host}"
            );
        }
        for upstream in [
            "a",
            "https://a",
            "http://a/b",
            "http://a;b",
            "http://u@a",
            "http://a?b",
        ] {
            assert!(
                Answers::given(&given("https://op.example", "a", upstream)).is_err(),
                "{upstream}"
            );
        }
        for issuer in [
            "op.example",
            "http://op.example",
            "https://op.example?a",
            "https://op.example/#a",
            "ftp://a",
        ] {
            assert!(
                Answers::given(&given(issuer, "a", "http://a")).is_err(),
                "{issuer}"
            );
        }
    }

    #[test]
    fn five_questions_are_asked_and_an_answer_that_will_not_do_is_asked_for_again() {
        let mut lines = ["op.example", "https://op.example", "app", "", "app.example", ""].into_iter();
        let mut asked = Vec::new();
        let answers = Answers::asked(&Given::default(), &mut |question, why| {
            asked.push((question.argument, why.map(str::to_owned)));
            Ok(format!("{}\n", lines.next().unwrap()))
        });
        let answers = answers.unwrap();
        assert_eq!(
            (answers.client_id.as_str(), answers.upstream.as_str()),
            ("app", "http://127.0.0.1:9000")
        );
        assert_eq!(asked.len(), 6);
        assert!(asked[1].1.as_ref().unwrap().starts_with("this is no URL"));
        let never = Answers::asked(&Given::default(), &mut |_, _| Ok("nonsense".to_owned()));
        assert!(never.unwrap_err().starts_with("--issuer: "));
    }
}
