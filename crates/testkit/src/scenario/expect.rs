//! What an answer block asks for, compared with what came.

use super::page::Line;
use crate::tokens::{opened, unescape};
use crate::upstream::{CANARY, Seen};

/// Everything that can be seen of one answered request, as its client, the application and the operator see it.
#[derive(Clone, Debug, Default)]
pub struct Observed {
    /// The status the client gets.
    pub status: u16,
    /// The reason code in the log.
    pub reason: String,
    /// The header lines the client gets.
    pub headers: Vec<(String, Vec<u8>)>,
    /// The body the client gets.
    pub body: Vec<u8>,
    /// What reached the application.
    pub seen: Vec<Seen>,
    /// The log lines written meanwhile.
    pub log: Vec<String>,
    /// The URLs the gateway asked for meanwhile.
    pub fetched: Vec<String>,
    /// Where the browser was sent on the way, each time.
    pub hops: Vec<String>,
    /// The logouts that applications were told of: where, and header and claims of the token.
    pub told: Vec<String>,
}

/// The status an answer block asks for.
pub fn status(answer: &[Line]) -> Result<u16, String> {
    let first = answer.first().ok_or("the answer is empty")?;
    let word = first.text.split_whitespace().next().unwrap_or("");
    word.parse()
        .map_err(|_| format!("an answer begins with its status, not with `{}`", first.text))
}

/// Whether an answer block asks for a request that reaches the application.
pub fn is_allowed(answer: &[Line]) -> Result<bool, String> {
    let first = answer.first().ok_or("the answer is empty")?;
    Ok(status(answer)? == 200 && first.text.split_whitespace().nth(1) == Some("allowed"))
}

/// Compares. Each problem is a sentence, with the line of the page that asked.
pub fn check(answer: &[Line], observed: &Observed) -> Result<Vec<(usize, String)>, String> {
    let mut problems = Vec::new();
    let first = answer.first().ok_or("the answer is empty")?;
    let mut words = first.text.split_whitespace();
    let (wanted, reason) = (status(answer)?, words.nth(1));
    let came = format!("{} {}", observed.status, observed.reason);
    if observed.status != wanted || reason.is_some_and(|reason| reason != observed.reason) {
        problems.push((first.number, format!("wanted {}, got {came}", first.text)));
    }
    let allowed = is_allowed(answer)?;
    match observed.seen.len() {
        0 if allowed => problems.push((first.number, "the application was not reached".into())),
        1.. if !allowed => {
            problems.push((
                first.number,
                format!("the application was reached: {}", observed.seen[0].line),
            ));
        }
        2.. => problems.push((first.number, "the application was reached more than once".into())),
        _ => {}
    }
    if !allowed && contains(&observed.body, CANARY.as_bytes()) {
        problems.push((first.number, "the answer holds the guarded page".into()));
    }
    let comes_again = !values(&observed.headers, "retry-after").is_empty();
    if observed.status == 503 && observed.seen.is_empty() && !comes_again {
        problems.push((first.number, "a 503 that does not say when to ask again".into()));
    }
    for line in answer.iter().skip(1) {
        if let Some(problem) = check_line(&line.text, observed)? {
            problems.push((line.number, problem));
        }
    }
    Ok(problems)
}

fn check_line(line: &str, observed: &Observed) -> Result<Option<String>, String> {
    let (negated, line) = line.strip_prefix('!').map_or((false, line), |rest| (true, rest));
    let (name, value) = line
        .split_once(':')
        .map_or((line, ""), |(name, value)| (name.trim(), value.trim()));
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    Ok(match name {
        "body" => {
            let found = contains_pattern(&text(&observed.body), value);
            (found == negated).then(|| format!("the body is {:?}", text(&observed.body)))
        }
        "log" => {
            let found = observed.log.iter().any(|line| contains_pattern(line, value));
            (found == negated).then(|| format!("the log says {:#?}", observed.log))
        }
        "claims" => {
            let (member, wanted) = value.split_once(' ').unwrap_or((value, ""));
            let claims = claims(&observed.body, member);
            let found = claims.as_ref().is_some_and(|text| contains_pattern(text, wanted));
            (found == negated).then(|| format!("{member} is {}", claims.unwrap_or_else(|| "no JWT".into())))
        }
        "told" => {
            let found = observed.told.iter().any(|told| contains_pattern(told, value));
            (found == negated).then(|| format!("applications were told {:#?}", observed.told))
        }
        "hops" => {
            let wanted = value.parse::<usize>();
            let wanted = wanted.map_err(|_| format!("`hops: {value}` is no number"))?;
            (observed.hops.len() != wanted).then(|| format!("it was sent {:#?}", observed.hops))
        }
        "hop" => {
            let found = observed.hops.iter().any(|hop| fits(hop, value));
            (found == negated).then(|| format!("it was sent {:#?}", observed.hops))
        }
        "fetched" => fetched(value, &observed.fetched)?,
        "upstream" => upstream(value, &observed.seen),
        "cgi" => cgi(value, &observed.seen)?,
        _ if negated => {
            let lines = values(&observed.headers, name);
            (!lines.is_empty()).then(|| format!("the answer has {name}: {}", lines.join(" | ")))
        }
        _ => {
            let lines = values(&observed.headers, name);
            let fits = lines.len() == 1 && lines.iter().all(|line| fits(line, &text(&unescape(value))));
            (!fits).then(|| {
                format!(
                    "the answer has {name}: {}",
                    if lines.is_empty() { "no line" } else { "" }.to_owned() + &lines.join(" | ")
                )
            })
        }
    })
}

/// Header and claims of the JWT that is this member of a JSON body.
fn claims(body: &[u8], member: &str) -> Option<String> {
    let body = serde_json::from_slice::<serde_json::Value>(body).ok()?;
    opened(body.get(member)?.as_str()?)
}

/// `nothing`, a number of fetches, or the URLs in order, separated by spaces.
fn fetched(value: &str, came: &[String]) -> Result<Option<String>, String> {
    let fits = if value == "nothing" {
        came.is_empty()
    } else if let Ok(count) = value.parse::<usize>() {
        came.len() == count
    } else if value.starts_with("https://") {
        came.iter().map(String::as_str).eq(value.split_whitespace())
    } else {
        return Err(format!(
            "`fetched: {value}` is neither nothing, nor a number, nor URLs"
        ));
    };
    Ok((!fits).then(|| format!("fetched {came:?}")))
}

/// `METHOD TARGET`, `name: value`, `!name`, `only name name …` or `not hit`, of the one request that reached the application.
fn upstream(value: &str, seen: &[Seen]) -> Option<String> {
    if let Some(names) = value.strip_prefix("only ") {
        let own = seen
            .first()
            .map(|seen| seen.headers.as_slice())
            .unwrap_or_default();
        let listed = |name: &str| names.split_whitespace().any(|one| one.eq_ignore_ascii_case(name));
        let others = own
            .iter()
            .filter(|(name, value)| !value.is_empty() && !listed(name));
        let others = others.map(|(name, _)| name.as_str()).collect::<Vec<_>>();
        return (!others.is_empty() || seen.is_empty()).then(|| format!("it also saw {}", others.join(" ")));
    }
    if value == "not hit" {
        return (!seen.is_empty()).then(|| "the application was reached".into());
    }
    let Some(seen) = seen.first() else {
        return Some("the application was not reached".into());
    };
    if let Some(name) = value.strip_prefix('!') {
        let lines = values(&seen.headers, name);
        return lines
            .iter()
            .any(|line| !line.is_empty())
            .then(|| format!("it saw {name}: {}", lines.join(" | ")));
    }
    let header = value
        .split_once(':')
        .filter(|(name, _)| !name.contains([' ', '/']));
    let Some((name, value)) = header else {
        return (!fits(&seen.line, value)).then(|| format!("it saw {}", seen.line));
    };
    let lines = values(&seen.headers, name);
    let wanted = String::from_utf8_lossy(&unescape(value.trim())).into_owned();
    // `a | b` stands for two lines.
    let wanted = wanted.split(" | ").collect::<Vec<_>>();
    let same =
        lines.len() == wanted.len() && lines.iter().zip(&wanted).all(|(line, wanted)| fits(line, wanted));
    (!same).then(|| format!("it saw {} line(s) {name}: {}", lines.len(), lines.join(" | ")))
}

/// `NAME=value` or `!NAME`: what an application that folds names has in its variable.
fn cgi(value: &str, seen: &[Seen]) -> Result<Option<String>, String> {
    let Some(seen) = seen.first() else {
        return Ok(Some("the application was not reached".into()));
    };
    let folded = seen.folded();
    let variable = |name: &str| {
        let lines = folded.get(name).map(Vec::as_slice).unwrap_or_default();
        let lines = lines.iter().filter(|line| !line.is_empty());
        lines
            .map(|line| String::from_utf8_lossy(line).into_owned())
            .collect::<Vec<_>>()
    };
    if let Some(name) = value.strip_prefix('!') {
        let lines = variable(name);
        return Ok((!lines.is_empty()).then(|| format!("it has {name}={}", lines.join(" | "))));
    }
    let (name, wanted) = value
        .split_once('=')
        .ok_or(format!("`cgi: {value}` is not NAME=value"))?;
    let lines = variable(name);
    Ok((lines != [wanted]).then(|| format!("it has {name}={}", lines.join(" | "))))
}

fn values(headers: &[(String, Vec<u8>)], name: &str) -> Vec<String> {
    let name = name.trim();
    let lines = headers.iter().filter(|(own, _)| own.eq_ignore_ascii_case(name));
    lines
        .map(|(_, value)| String::from_utf8_lossy(value).into_owned())
        .collect()
}

/// Whether `text` is `pattern`, in which `…` stands for anything.
pub fn fits(text: &str, pattern: &str) -> bool {
    let Some((start, rest)) = pattern.split_once('…') else {
        return text == pattern;
    };
    let Some(mut text) = text.strip_prefix(start) else {
        return false;
    };
    let mut pieces = rest.split('…').collect::<Vec<_>>();
    let last = pieces.pop().unwrap_or("");
    for piece in pieces {
        match text.split_once(piece) {
            Some((_, after)) => text = after,
            None => return false,
        }
    }
    text.ends_with(last)
}

fn contains_pattern(text: &str, pattern: &str) -> bool {
    fits(text, &format!("…{pattern}…"))
}

fn contains(text: &[u8], piece: &[u8]) -> bool {
    text.windows(piece.len()).any(|window| window == piece)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(text: &str) -> Vec<Line> {
        let lines = text.lines().enumerate();
        lines
            .map(|(at, text)| Line {
                number: at + 1,
                text: text.to_owned(),
            })
            .collect()
    }

    fn observed() -> Observed {
        let seen = Seen {
            line: "GET /a".into(),
            headers: vec![
                ("X-Auth-Subject".into(), b"ann".to_vec()),
                ("X_Auth_Subject".into(), b"".to_vec()),
            ],
            body: 0,
        };
        Observed {
            status: 200,
            reason: "allowed".into(),
            headers: vec![("content-type".into(), b"text/plain".to_vec())],
            body: b"page".to_vec(),
            seen: vec![seen],
            log: vec!["route=a principal=ann".into()],
            fetched: vec!["https://op.test/jwks".into()],
            hops: Vec::new(),
            told: Vec::new(),
        }
    }

    fn problems(answer: &str, observed: &Observed) -> Vec<usize> {
        check(&lines(answer), observed)
            .unwrap()
            .into_iter()
            .map(|(line, _)| line)
            .collect()
    }

    #[test]
    fn what_was_asked_for_and_came_is_no_problem() {
        let answer = "200 allowed\ncontent-type: text/…\n!www-authenticate\nbody: pag\n!body: token\nlog: ann\n\
                      !log: bob\nfetched: 1\nfetched: https://op.test/jwks\nupstream: GET /a\n\
                      upstream: x-auth-subject: ann\nupstream: !x-auth-groups\ncgi: HTTP_X_AUTH_SUBJECT=ann\n\
                      cgi: !HTTP_X_AUTH_GROUPS";
        assert_eq!(problems(answer, &observed()), [0; 0]);
    }

    #[test]
    fn each_thing_that_did_not_come_is_one_problem_at_its_line() {
        let answer = "200 allowed\ncontent-type: text\n!content-type\n!body: page\nlog: bob\nfetched: nothing\n\
                      upstream: GET /\nupstream: x-auth-subject: bob\nupstream: !x-auth-subject\nupstream: not hit\n\
                      cgi: HTTP_X_AUTH_SUBJECT=bob\nx-other: 1";
        assert_eq!(problems(answer, &observed()), (2..=12).collect::<Vec<_>>());
        assert_eq!(problems("401 token_expired", &observed()), [1, 1]);
        let nothing = Observed {
            seen: Vec::new(),
            ..observed()
        };
        assert_eq!(problems("200 allowed", &nothing), [1]);
        let leaked = Observed {
            status: 401,
            body: CANARY.into(),
            ..nothing
        };
        assert_eq!(problems("401", &leaked), [1]);
    }

    #[test]
    fn patterns_stand_for_anything_between_their_ends() {
        assert!(fits("Bearer error=\"x\", scope=\"y\"", "Bearer …scope=…"));
        assert!(fits("", "…"));
        assert!(!fits("ab", "a…c"));
        assert!(!fits("a", "aa…"));
    }
}
