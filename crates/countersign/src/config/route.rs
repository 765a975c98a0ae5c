//! Routes: who may enter where.

use super::check::{Declared, about_what_is_sound, tell};
use super::diagnostic::Diagnostic;
use super::identity::Identity;
use super::listen::Listen;
use super::nearest::nearest;
use super::require::{Asker, requirement, spelling, unsaid};
use super::shape::{Document, Way};
use countersign_authn::{condition, introspection, login};
use countersign_core::authn::Authenticator;
use countersign_core::credential_place::CredentialPlace;
use countersign_core::gate::{PathOddities, Target, judge_method};
use countersign_core::options::{Fault, Values};
use countersign_core::policy::Condition;
use countersign_core::route::{
    ChallengeStyle, EqualRoutes, HostPattern, LoginDemand, PathPattern, PatternError, Route, Upstream,
};
use http::Method;
use std::sync::Arc;
use url::Url;

pub(super) mod remark;

/// Lists of patterns, and what stands in them.
const HOSTS: (&str, &str) = (
    "hosts",
    "hosts = [\"app.example\", \"*.example\"]; \"*\" is every host",
);
const PATHS: (&str, &str) = (
    "paths",
    "paths = [\"/admin/**\", \"/users/*/edit\"]; without it every path",
);
const METHODS: (&str, &str) = (
    "methods",
    "methods = [\"GET\", \"HEAD\"]; without it every method",
);
const ENDPOINT: (&str, &str) = (
    "endpoint",
    "endpoint = \"/auth\": what the proxy asks for, without a query",
);
/// The name that opens the door.
const ANONYMOUS: &str = "anonymous";

/// What routes are built among.
pub(super) struct Surroundings<'d> {
    pub(super) document: &'d Document,
    pub(super) declared: &'d Declared,
    pub(super) identity: &'d Identity,
    pub(super) listeners: &'d [Listen],
    pub(super) own_cookies: &'d Arc<[CredentialPlace]>,
}

impl Surroundings<'_> {
    /// Whether a listener speaks this, or may: one with a fault speaks all the same, and what it speaks may be the fault.
    fn speaks(&self, name: &str) -> bool {
        self.spoken().any(|speak| speak.is_none_or(|speak| speak == name))
    }

    /// Whether there are listeners, and all speak this.
    fn speaks_only(&self, name: &str) -> bool {
        self.spoken().count() > 0 && self.spoken().all(|speak| speak == Some(name))
    }

    fn spoken(&self) -> impl Iterator<Item = Option<&str>> {
        let listeners = self.document.values.tables("listen").iter();
        listeners.map(|listen| listen.text("speak"))
    }
}

/// Every route without a fault, and where it stands.
pub(super) fn build(surroundings: &Surroundings<'_>, told: &mut Vec<Diagnostic>) -> Vec<(Way, Arc<Route>)> {
    let document = surroundings.document;
    let mut routes = Vec::new();
    for (index, values) in document.values.tables("route").iter().enumerate() {
        let way = vec!["route".to_owned(), index.to_string()];
        let faulty = document.is_faulty(&["route", &index.to_string()]);
        match route(values, index, &way, surroundings) {
            Ok(_) if faulty => {}
            Err(faults) if faulty => {
                let faults = about_what_is_sound(document, &way, values, faults);
                tell(document, &way, faults, told);
            }
            Ok(route) => {
                remark::remark(&route, values, &way, surroundings, told);
                routes.push((way, Arc::new(route)));
            }
            Err(faults) => tell(document, &way, faults, told),
        }
    }
    remark::remark_on_all(&routes, surroundings, told);
    routes
}

/// Two of `routes` that no request can tell apart.
pub(super) fn equal(document: &Document, routes: &[(Way, Arc<Route>)], equal: &EqualRoutes) -> Diagnostic {
    let (first, second) = equal.routes;
    let name = routes.get(first).map_or("", |(_, route)| &route.name);
    let place = routes.get(second).and_then(|(way, _)| document.key_place(way));
    if first == second {
        let message = format!("this route names `{}` twice", equal.at);
        return Diagnostic::error(place, message).help("write it once");
    }
    let message = format!(
        "no request can tell this route from `{name}`: both govern {}",
        equal.at
    );
    Diagnostic::error(place, message).help("join the two, or let their `methods` differ")
}

fn route(
    values: &Values,
    index: usize,
    way: &[String],
    surroundings: &Surroundings<'_>,
) -> Result<Route, Vec<Fault>> {
    let stands = |name: &str| surroundings.document.stands(&[way, &[name.to_owned()]].concat());
    let mut faults = Vec::new();
    let hosts = each(values, HOSTS, &mut faults, |text| {
        HostPattern::parse(text).map_err(|error| error.to_string())
    });
    let fold_case = values.text("case") == Some("insensitive");
    let paths = each(values, PATHS, &mut faults, |text| path(text, fold_case));
    let methods = each(values, METHODS, &mut faults, method);
    faults.extend(governs_nothing(values, stands));
    let accept = accept(values, surroundings.declared, &mut faults);
    let also = also(values, surroundings.declared, &mut faults);
    // Also those whose own tables have faults: what names them is right.
    let proving = surroundings.declared.iter().map(|(name, _)| name);
    let proving =
        proving.filter(|name| ***name != *ANONYMOUS && values.texts("accept").any(|one| *one == ***name));
    let names = proving.cloned().collect::<Vec<_>>();
    let asker = Asker {
        who: "this route",
        accepts: &names,
        document: surroundings.document,
    };
    let mut require = requirement(values.table("require"), asker, surroundings.declared, &mut faults);
    require.condition = when(values, asker, &mut faults);
    faults.extend(unsaid::by_any_of(asker.accepts, values.table("require")));
    let endpoints = each(values, ENDPOINT, &mut faults, endpoint);
    let login = login_demand(values, &accept, surroundings.document, &mut faults);
    let preflight = preflight(values, surroundings.declared);
    let to = to(values, &mut faults);
    let allowed = values.texts("allow_in_path").filter_map(PathOddities::named);
    let allow_in_path = allowed.fold(PathOddities::NONE, PathOddities::with);
    if values.has("allow_in_path") && !stands("to") {
        let message = "only where we forward ourselves: a proxy in front may read such a path in its own way";
        faults.push(Fault::new("allow_in_path", message).help("leave it out, or give the route a `to`"));
    }
    if !faults.is_empty() {
        return Err(faults);
    }
    let first = hosts.first().zip(paths.first());
    let first = first.map(|(host, path)| format!("{host}{path}"));
    let first = first.or_else(|| endpoints.first().map(ToString::to_string));
    Ok(Route {
        name: values
            .text("name")
            .map_or_else(|| first.unwrap_or_default().into(), Into::into),
        hosts,
        paths,
        methods,
        accept,
        also,
        require,
        challenge: match values.text("challenge") {
            Some("login") => ChallengeStyle::Login,
            Some("login-or-403") => ChallengeStyle::LoginOrForbidden,
            Some("401") => ChallengeStyle::Unauthorized,
            Some("403") => ChallengeStyle::Forbidden,
            _ => ChallengeStyle::Auto,
        },
        identity: surroundings.identity.of_route(index),
        to,
        forward_credentials: values.flag("forward_credentials"),
        login,
        preflight,
        own_cookies: Arc::clone(surroundings.own_cookies),
        allow_in_path,
        endpoints,
    })
}

/// Lists that are there and empty, and hosts that are missing where no `endpoint` stands for them.
fn governs_nothing(values: &Values, stands: impl Fn(&str) -> bool) -> Vec<Fault> {
    let listed = ["hosts", "paths", "methods", "endpoint"].into_iter();
    let empty = listed.filter(|name| values.has(name) && values.texts(name).next().is_none());
    let mut faults = empty
        .map(|name| {
            Fault::new(
                name,
                format!("`{name}` is empty: this route would govern nothing"),
            )
            .help("leave it out, or fill it")
        })
        .collect::<Vec<_>>();
    if !stands("hosts") && !stands("endpoint") {
        let message = "`hosts` is missing, and so is `endpoint`: this route would govern nothing";
        faults.push(Fault {
            at: Vec::new(),
            message: message.to_owned(),
            help: Some("hosts = [\"app.example\"]; \"*\" is every host".to_owned()),
        });
    }
    faults
}

fn path(text: &str, fold_case: bool) -> Result<PathPattern, String> {
    PathPattern::parse(text, fold_case).map_err(|error| match error {
        PatternError::NotAPath => {
            format!("{error}: it begins with `/`, and stands as clients send it, %XX and all")
        }
        PatternError::NotAHost | PatternError::Port | PatternError::Star => error.to_string(),
    })
}

fn method(text: &str) -> Result<Method, String> {
    judge_method(text).map_err(|_| {
        let message = "not a method of IANA's registry that is let through (case counts)";
        match judge_method(&text.to_ascii_uppercase()) {
            Ok(meant) => format!("{message}; did you mean {:?}?", meant.as_str()),
            Err(_) => message.to_owned(),
        }
    })
}

fn endpoint(text: &str) -> Result<Box<str>, String> {
    match Target::judge(text) {
        Ok(target) if target.query().is_none() && target.oddities() == PathOddities::NONE => Ok(text.into()),
        Ok(_) | Err(_) => Err("not a plain path such as /auth".to_owned()),
    }
}

fn when(values: &Values, asker: Asker<'_>, faults: &mut Vec<Fault>) -> Option<Arc<dyn Condition>> {
    match condition::compile(values.text("when")?) {
        Ok(compiled) => {
            let wrong = spelling::compared(&compiled.compared, asker).into_iter();
            faults.extend(wrong.map(|wrong| Fault::new("when", wrong.message).help(wrong.help)));
            Some(compiled.condition)
        }
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
    (name, help): (&str, &str),
    faults: &mut Vec<Fault>,
    read: impl Fn(&str) -> Result<T, String>,
) -> Vec<T> {
    let mut all = Vec::new();
    for (index, text) in values.texts(name).enumerate() {
        match read(text) {
            Ok(value) => all.push(value),
            Err(message) => {
                let fault = Fault::new(&index.to_string(), format!("{text:?}: {message}"));
                faults.push(fault.within(name).help(help));
            }
        }
    }
    all
}

fn accept(values: &Values, declared: &Declared, faults: &mut Vec<Fault>) -> Vec<Arc<dyn Authenticator>> {
    if values.texts("accept").next().is_none() {
        let help = "name the ways of proving who you are, or write accept = [\"anonymous\"] to open the door";
        faults.push(Fault::new("accept", "nobody could ever enter: `accept` is empty").help(help));
    }
    let ways = named(values, "accept", declared, faults);
    let last = values.texts("accept").count().saturating_sub(1);
    if let Some(index) = introspection::second(values.texts("accept")) {
        let message = "an opaque token does not say whose it is, so that a route asks one issuer about it, and this is the second";
        let help = "make two routes, or accept one of the issuers' tokens as JWTs (`token.NAME`)";
        faults.push(
            Fault::new(&index.to_string(), message)
                .help(help)
                .within("accept"),
        );
    }
    let mut accepted = Vec::new();
    for (index, way) in ways {
        if way.is_anonymous() && index < last {
            let message = "`anonymous` lets in whoever comes: it stands last";
            let help = "write it behind the others, or leave it out";
            faults.push(
                Fault::new(&index.to_string(), message)
                    .within("accept")
                    .help(help),
            );
        } else {
            accepted.push(way);
        }
    }
    accepted
}

/// The second proofs: certificates, which a client shows beside whatever else it has.
fn also(values: &Values, declared: &Declared, faults: &mut Vec<Fault>) -> Vec<Arc<dyn Authenticator>> {
    if values.has("also") && values.texts("also").next().is_none() {
        let message = "an empty list asks for nothing more";
        faults.push(Fault::new("also", message).help("leave it out, or fill it"));
    }
    let mut proofs = Vec::new();
    for (index, way) in named(values, "also", declared, faults) {
        if way.certificate_judge().is_some() {
            proofs.push(way);
            continue;
        }
        let message = format!(
            "`{}` is no certificate, and only one can be shown beside another credential",
            way.name()
        );
        faults.push(
            Fault::new(&index.to_string(), message)
                .within("also")
                .help("also = [\"certificate.NAME\"]"),
        );
    }
    proofs
}

/// What the route asks of a login, which must then be one of its ways.
fn login_demand(
    values: &Values,
    accept: &[Arc<dyn Authenticator>],
    document: &Document,
    faults: &mut Vec<Fault>,
) -> LoginDemand {
    let asked = ["max_age", "acr_values", "prompt"];
    // By their names: those whose own tables have faults are meant, too.
    let measured = |way: &str| {
        ["login.", "sso.", "token."]
            .iter()
            .any(|kind| way.starts_with(kind))
    };
    let measures = values.texts("accept").any(measured);
    for name in asked.into_iter().filter(|name| values.has(name) && !measures) {
        let message =
            format!("`{name}` is asked of a login, and this route accepts neither one nor a token of one");
        faults.push(Fault::new(name, message).help("leave it out, or accept a `login.NAME`"));
    }
    for name in ["max_age", "acr_values"]
        .into_iter()
        .filter(|name| values.has(name))
    {
        for login in says_nothing_of_logins(document, accept) {
            let message = format!("`{name}` is never met by `{login}`: its provider sends no ID Token");
            let help = "leave it out, or accept logins with ID Tokens alone";
            faults.push(Fault::new(name, message).help(help));
        }
    }
    let mut sites = values.texts("accept").filter(|way| way.starts_with("sso."));
    if let Some(site) = sites.next().filter(|_| values.has("acr_values")) {
        let message = format!("`acr_values` is never met by `{site}`: a certificate logs in in one way");
        let help = "leave it out, or accept a `login.NAME` alone";
        faults.push(Fault::new("acr_values", message).help(help));
    }
    faults.extend(login::acr_faults(values));
    LoginDemand {
        max_age: values.duration("max_age"),
        acr_values: values.texts("acr_values").map(Into::into).collect(),
        prompt: values.text("prompt").map(Into::into),
    }
}

/// Of the ways of a route, the logins at plain OAuth 2.0 providers.
fn says_nothing_of_logins<'a>(
    document: &Document,
    accept: &'a [Arc<dyn Authenticator>],
) -> impl Iterator<Item = &'a Arc<str>> {
    let logins = document.values.named("login").iter();
    let plain = logins.filter(|(_, values)| values.has("oauth2_claims"));
    let plain = plain.map(|(name, _)| format!("login.{name}")).collect::<Vec<_>>();
    accept
        .iter()
        .map(|way| way.name())
        .filter(move |name| plain.iter().any(|plain| **plain == ***name))
}

/// As whom a genuine CORS preflight is let in, where the route says so.
fn preflight(values: &Values, declared: &Declared) -> Option<Arc<dyn Authenticator>> {
    let passes = values.text("preflight") == Some("pass");
    let mut ways = declared.iter().filter_map(|(_, way)| way.as_ref());
    ways.find(|way| passes && way.is_anonymous()).cloned()
}

/// The authenticators that the list `list` names and whose own tables are sound, each with its place in the list.
fn named(
    values: &Values,
    list: &str,
    declared: &Declared,
    faults: &mut Vec<Fault>,
) -> Vec<(usize, Arc<dyn Authenticator>)> {
    let names = values.texts(list).collect::<Vec<_>>();
    let mut found = Vec::new();
    for (index, name) in names.iter().enumerate() {
        let at = |message: String| Fault::new(&index.to_string(), message).within(list);
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
                faults.push(at(format!("{name:?} is named twice")).help("once is enough"));
            }
            Some((_, Some(way))) => found.push((index, Arc::clone(way))),
            Some((_, None)) => {}
        }
    }
    found
}

fn to(values: &Values, faults: &mut Vec<Fault>) -> Option<Upstream> {
    let url = Url::parse(values.text("to")?).ok()?;
    let plain =
        url.path() == "/" && url.query().is_none() && url.fragment().is_none() && url.username().is_empty();
    let message = match url.scheme() {
        _ if url.port() == Some(0) => "nothing can be reached at port 0",
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
