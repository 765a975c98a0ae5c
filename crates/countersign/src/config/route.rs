//! Routes: who may enter where.

use super::check::{Declared, about_what_is_there, tell};
use super::diagnostic::Diagnostic;
use super::identity::Identity;
use super::nearest::nearest;
use super::shape::{Document, Way};
use countersign_authn::condition;
use countersign_core::authn::Authenticator;
use countersign_core::claims::ClaimPath;
use countersign_core::gate::{PathOddities, Target, judge_method};
use countersign_core::options::{Fault, Values};
use countersign_core::policy::{ClaimRule, ClaimTest, Condition, Named, Requirement};
use countersign_core::route::{ChallengeStyle, HostPattern, PathPattern, Route, Upstream};
use std::sync::Arc;
use url::Url;

/// What routes are built among.
pub(super) struct Surroundings<'d> {
    pub(super) document: &'d Document,
    pub(super) declared: &'d Declared,
    pub(super) identity: &'d Identity,
    pub(super) speaks: &'d [&'d str],
}

/// Every route without a fault, and where it stands.
pub(super) fn build(surroundings: &Surroundings<'_>, told: &mut Vec<Diagnostic>) -> Vec<(Way, Arc<Route>)> {
    let document = surroundings.document;
    let mut routes = Vec::new();
    for (index, values) in document.values.tables("route").iter().enumerate() {
        let way = vec!["route".to_owned(), index.to_string()];
        let faulty = document.is_faulty(&["route", &index.to_string()]);
        match route(values, index, surroundings) {
            Ok(_) if faulty => {}
            Err(faults) if faulty => tell(document, &way, about_what_is_there(values, faults), told),
            Ok(route) => {
                remark(&route, values, &way, surroundings, told);
                routes.push((way, Arc::new(route)));
            }
            Err(faults) => tell(document, &way, faults, told),
        }
    }
    routes
}

fn route(values: &Values, index: usize, surroundings: &Surroundings<'_>) -> Result<Route, Vec<Fault>> {
    let mut faults = Vec::new();
    let hosts = each(values, "hosts", &mut faults, |text| {
        HostPattern::parse(text).map_err(|error| error.to_string())
    });
    let fold_case = values.text("case") == Some("insensitive");
    let parse_path = |text: &str| PathPattern::parse(text, fold_case).map_err(|error| error.to_string());
    let paths = each(values, "paths", &mut faults, parse_path);
    let methods = each(values, "methods", &mut faults, |text| {
        judge_method(text)
            .map_err(|_| "not a method of IANA's registry that is let through (case counts)".to_owned())
    });
    let no_method = values.has("methods") && methods.is_empty();
    for (name, empty) in [
        ("hosts", hosts.is_empty()),
        ("paths", paths.is_empty()),
        ("methods", no_method),
    ] {
        if empty && faults.is_empty() {
            faults.push(Fault::new(
                name,
                format!("`{name}` is empty: this route would govern nothing"),
            ));
        }
    }
    let accept = accept(values, surroundings.declared, &mut faults);
    let names = accept
        .iter()
        .filter(|way| !way.is_anonymous())
        .map(|way| Arc::clone(way.name()))
        .collect::<Vec<_>>();
    let mut require = requirement(
        values.table("require"),
        &names,
        surroundings.declared,
        &mut faults,
    );
    require.condition = when(values, &mut faults);
    let endpoints = each(values, "endpoint", &mut faults, endpoint);
    let to = to(values, &mut faults);
    let allowed = values.texts("allow_in_path").filter_map(PathOddities::named);
    let allow_in_path = allowed.fold(PathOddities::NONE, PathOddities::with);
    if values.has("allow_in_path") && to.is_none() {
        let message = "only where we forward ourselves: a proxy in front may read such a path in its own way";
        faults.push(Fault::new("allow_in_path", message).help("leave it out, or give the route a `to`"));
    }
    if !faults.is_empty() {
        return Err(faults);
    }
    let first = hosts
        .first()
        .zip(paths.first())
        .map_or_else(String::new, |(host, path)| format!("{host}{path}"));
    Ok(Route {
        name: values.text("name").map_or_else(|| first.into(), Into::into),
        hosts,
        paths,
        methods,
        accept,
        require,
        challenge: match values.text("challenge") {
            Some("401") => ChallengeStyle::Unauthorized,
            Some("403") => ChallengeStyle::Forbidden,
            _ => ChallengeStyle::Auto,
        },
        identity: surroundings.identity.of_route(index),
        to,
        forward_credentials: values.flag("forward_credentials"),
        allow_in_path,
        endpoints,
    })
}

fn endpoint(text: &str) -> Result<Box<str>, String> {
    match Target::judge(text) {
        Ok(target) if target.query().is_none() && target.oddities() == PathOddities::NONE => Ok(text.into()),
        Ok(_) | Err(_) => Err("not a plain path such as /auth".to_owned()),
    }
}

fn when(values: &Values, faults: &mut Vec<Fault>) -> Option<Arc<dyn Condition>> {
    match condition::compile(values.text("when")?) {
        Ok(condition) => Some(condition),
        Err(error) => {
            faults.push(Fault {
                help: error.help,
                ..Fault::new("when", error.message)
            });
            None
        }
    }
}

/// Reads each string of the list `name`; faults stand at the string.
fn each<T>(
    values: &Values,
    name: &str,
    faults: &mut Vec<Fault>,
    read: impl Fn(&str) -> Result<T, String>,
) -> Vec<T> {
    let mut all = Vec::new();
    for (index, text) in values.texts(name).enumerate() {
        match read(text) {
            Ok(value) => all.push(value),
            Err(message) => {
                faults.push(Fault::new(&index.to_string(), format!("{text:?}: {message}")).within(name));
            }
        }
    }
    all
}

fn accept(values: &Values, declared: &Declared, faults: &mut Vec<Fault>) -> Vec<Arc<dyn Authenticator>> {
    let names = values.texts("accept").collect::<Vec<_>>();
    if names.is_empty() {
        let help = "name the ways of proving who you are, or write accept = [\"anonymous\"] to open the door";
        faults.push(Fault::new("accept", "nobody could ever enter: `accept` is empty").help(help));
    }
    let mut accepted: Vec<Arc<dyn Authenticator>> = Vec::new();
    for (index, name) in names.iter().enumerate() {
        let at = |message: String| Fault::new(&index.to_string(), message).within("accept");
        let known = || declared.iter().map(|(known, _)| &**known);
        match declared.iter().find(|(known, _)| **known == **name) {
            None => {
                let help = match nearest(name, known()) {
                    Some(meant) => format!("did you mean {meant:?}?"),
                    None => format!(
                        "there is no table [{name}]; known are: {}",
                        known().collect::<Vec<_>>().join(", ")
                    ),
                };
                faults.push(at(format!("{name:?} is nothing that could be accepted")).help(help));
            }
            Some(_) if names.iter().take(index).any(|before| before == name) => {
                faults.push(at(format!("{name:?} is named twice")));
            }
            Some((_, Some(way))) if way.is_anonymous() && index + 1 < names.len() => {
                faults.push(at("`anonymous` lets in whoever comes: it stands last".to_owned()));
            }
            Some((_, Some(way))) => accepted.push(Arc::clone(way)),
            Some((_, None)) => {}
        }
    }
    accepted
}

fn to(values: &Values, faults: &mut Vec<Fault>) -> Option<Upstream> {
    let url = Url::parse(values.text("to")?).ok()?;
    let plain =
        url.path() == "/" && url.query().is_none() && url.fragment().is_none() && url.username().is_empty();
    let message = match url.scheme() {
        "http" if plain => {
            let port = url.port_or_known_default().unwrap_or(80);
            return url.host_str().map(|host| Upstream {
                authority: format!("{host}:{port}").into(),
            });
        }
        "http" => "a host and a port, nothing more: the path goes on as the client sent it",
        _ => "https to the application is not there yet",
    };
    faults.push(Fault::new("to", message).help("to = \"http://127.0.0.1:9000\""));
    None
}

fn requirement(
    table: Option<&Values>,
    accepted: &[Arc<str>],
    declared: &Declared,
    faults: &mut Vec<Fault>,
) -> Requirement {
    let Some(values) = table else {
        return Requirement::default();
    };
    for name in [
        "groups",
        "scopes",
        "subjects",
        "email_domains",
        "not_groups",
        "not_scopes",
        "not_subjects",
        "not_email_domains",
    ] {
        if values.has(name) && values.texts(name).next().is_none() {
            let message = "an empty list asks nothing, and might have been meant to keep everybody out";
            faults.push(
                Fault::new(name, message)
                    .within("require")
                    .help("leave it out, or fill it"),
            );
        }
    }
    let mut named = |name: &str| {
        let mut all = Vec::new();
        for (index, text) in values.texts(name).enumerate() {
            match whose(text, accepted, declared) {
                Ok(named) => all.push(named),
                Err(fault) => faults.push(Fault {
                    at: vec!["require".into(), name.into(), index.to_string()],
                    ..fault
                }),
            }
        }
        all
    };
    let (groups, not_groups) = (named("groups"), named("not_groups"));
    let (subjects, not_subjects) = (named("subjects"), named("not_subjects"));
    let (email_domains, not_email_domains) = (named("email_domains"), named("not_email_domains"));
    let scopes = |name: &str| values.texts(name).map(Into::into).collect();
    Requirement {
        groups,
        scopes: scopes("scopes"),
        subjects,
        email_domains,
        claims: claims(values, "claims", faults),
        not_groups,
        not_scopes: scopes("not_scopes"),
        not_subjects,
        not_email_domains,
        not_claims: claims(values, "not_claims", faults),
        condition: None,
    }
}

/// `"name"`, `"token.x:name"` or `"*:name"`. A principal is an issuer and a subject: where several issuers are accepted,
/// a bare name would mean whichever of them has somebody of that name.
fn whose(text: &str, accepted: &[Arc<str>], declared: &Declared) -> Result<Named, Fault> {
    if let Some(name) = text.strip_prefix("*:") {
        return Ok(Named {
            authenticator: None,
            name: name.into(),
        });
    }
    let whose = declared
        .iter()
        .find_map(|(known, _)| Some((known, text.strip_prefix(&**known)?.strip_prefix(':')?)));
    match whose {
        Some((known, name)) if accepted.contains(known) => Ok(Named {
            authenticator: Some(Arc::clone(known)),
            name: name.into(),
        }),
        Some((known, _)) => Err(Fault::new("", format!("this route does not accept {known}"))),
        None if accepted.len() > 1 => {
            let help = accepted
                .iter()
                .map(|known| format!("\"{known}:{text}\""))
                .collect::<Vec<_>>()
                .join(" or ");
            let message = format!("whose {text:?}? This route accepts more than one issuer");
            Err(Fault::new("", message).help(format!("write {help}, or \"*:{text}\" for any of them")))
        }
        None => Ok(Named {
            authenticator: None,
            name: text.into(),
        }),
    }
}

fn claims(values: &Values, list: &str, faults: &mut Vec<Fault>) -> Vec<ClaimRule> {
    let mut rules = Vec::new();
    for (path, test) in values.named(list) {
        let at = |message: &str| Fault::new(path, message).within(list).within("require");
        let all = |name: &str| test.texts(name).map(Into::into).collect::<Box<[Box<str>]>>();
        let test = match (test.text("equals"), test.has("one_of"), test.has("contains")) {
            (Some(one), false, false) => Some(ClaimTest::OneOf(Box::new([one.into()]))),
            (None, true, false) => Some(ClaimTest::OneOf(all("one_of"))),
            (None, false, true) => Some(ClaimTest::Contains(all("contains"))),
            _ => None,
        };
        // An empty list would ask nothing, or exclude nobody.
        let test = test.filter(|test| match test {
            ClaimTest::OneOf(list) | ClaimTest::Contains(list) => !list.is_empty(),
        });
        match (ClaimPath::parse(path), test) {
            (Some(path), Some(test)) => rules.push(ClaimRule { path, test }),
            (None, _) => faults.push(
                at("not a claim path")
                    .help("names from the top down with dots between: \"realm_access.roles\""),
            ),
            (Some(_), None) => faults.push(at(
                "exactly one of `equals`, `one_of` and `contains` is wanted, and not an empty list",
            )),
        }
    }
    rules
}

/// What is allowed and may still surprise.
fn remark(
    route: &Route,
    values: &Values,
    way: &[String],
    surroundings: &Surroundings<'_>,
    told: &mut Vec<Diagnostic>,
) {
    let at = |key: &str| surroundings.document.place(&[way, &[key.to_owned()]].concat());
    let open = route.accept.iter().any(|way| way.is_anonymous());
    let speaks = |name: &str| surroundings.speaks.contains(&name);
    if route.require.is_empty() && !open {
        let message = format!(
            "route `{}` has no `require`: any principal that its `accept` proves may enter",
            route.name
        );
        told.push(Diagnostic::note(at("accept"), message));
    }
    if open && !route.require.is_empty() {
        let message = format!(
            "route `{}`: nobody anonymous meets a `require`; strangers get 403",
            route.name
        );
        told.push(Diagnostic::warning(at("accept"), message));
    }
    if !route.endpoints.is_empty() && !speaks("check") {
        told.push(Diagnostic::warning(
            at("endpoint"),
            "no listener speaks `check`: nothing asks at this endpoint",
        ));
    }
    if values.has("to") && !speaks("reverse-proxy") {
        told.push(Diagnostic::warning(
            at("to"),
            "no listener speaks `reverse-proxy`: nothing is forwarded",
        ));
    }
    let only = |name: &str| {
        !surroundings.speaks.is_empty() && surroundings.speaks.iter().all(|speak| *speak == name)
    };
    if route.to.is_none() && only("reverse-proxy") {
        let message = format!(
            "route `{}` has no `to`, and every listener forwards: it can only answer 404",
            route.name
        );
        told.push(Diagnostic::warning(at("accept"), message));
    }
    if route.endpoints.is_empty() && only("check") {
        let message = format!(
            "route `{}` has no `endpoint`, and every listener speaks `check`: nothing reaches it",
            route.name
        );
        told.push(Diagnostic::warning(at("accept"), message));
    }
}
