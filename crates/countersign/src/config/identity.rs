//! The identity headers of the whole and of single routes: one closed set, and what each route writes of it.

use super::check::{Declared, tell};
use super::diagnostic::Diagnostic;
use super::listen::Listen;
use super::require::owner_and_name;
use super::shape::Document;
use countersign_core::credential_place::CredentialPlace;
use countersign_core::identity_headers::{Fact, IdentityHeaders, ListFormat, Projection, preset};
use countersign_core::options::{Fault, Values};
use http::HeaderName;
use std::collections::BTreeSet;
use std::sync::Arc;

pub(super) use meaning::has_a_meaning;

use meaning::fold;

mod meaning;

type Lines = Vec<(HeaderName, Fact)>;

/// What one `identity_headers` table says.
#[derive(Debug, Clone)]
struct Wanted {
    lines: Lines,
    format: ListFormat,
    named_groups: bool,
}

/// All of it.
#[derive(Debug)]
pub(super) struct Identity {
    /// The closed set.
    pub(super) set: Arc<IdentityHeaders>,
    standard: Arc<Projection>,
    /// By the place of the route in the file.
    routes: Vec<Option<Arc<Projection>>>,
}

impl Identity {
    /// What the route at `index` writes.
    pub(super) fn of_route(&self, index: usize) -> Arc<Projection> {
        let own = self.routes.get(index).and_then(Option::as_ref);
        Arc::clone(own.unwrap_or(&self.standard))
    }
}

/// Reads every `identity_headers` table.
pub(super) fn collect(
    document: &Document,
    listeners: &[Listen],
    declared: &Declared,
    told: &mut Vec<Diagnostic>,
) -> Identity {
    let beside_a_proxy = listeners.iter().any(|listen| listen.speak != "reverse-proxy");
    let mut read = |values: &Values, way: &[String]| {
        wanted(values, beside_a_proxy).unwrap_or_else(|faults| {
            tell(document, way, faults, told);
            Wanted {
                lines: Vec::new(),
                format: ListFormat::Comma,
                named_groups: false,
            }
        })
    };
    let way = ["identity_headers".to_owned()];
    let standard = match document.values.table("identity_headers") {
        Some(values) => read(values, &way),
        None => Wanted {
            lines: preset("x-auth").unwrap_or_default(),
            format: ListFormat::Comma,
            named_groups: false,
        },
    };
    let routes = document
        .values
        .tables("route")
        .iter()
        .enumerate()
        .map(|(index, route)| {
            let way = [
                "route".to_owned(),
                index.to_string(),
                "identity_headers".to_owned(),
            ];
            route.table("identity_headers").map(|values| read(values, &way))
        });
    let routes = routes.collect::<Vec<_>>();
    let all = std::iter::once(&standard)
        .chain(routes.iter().flatten())
        .flat_map(|wanted| &wanted.lines);
    let all = all.map(|(name, _)| name.clone()).collect::<Vec<_>>();
    if let Some((one, other)) = alias(&all) {
        let message =
            format!("`{one}` and `{other}` are one header to applications that fold `-`, `_` and `.`");
        told.push(Diagnostic::error(document.place(&way), message).help("name one of them otherwise"));
    }
    let set = Arc::new(IdentityHeaders::new(all));
    refuse_double_use(document, &set, listeners, declared, told);
    let groups = named_groups(document, declared);
    let project = |wanted: &Wanted| {
        let only = wanted
            .named_groups
            .then(|| groups.iter().map(|group| group.as_str().into()).collect());
        Arc::new(Projection::new(&set, &wanted.lines, wanted.format, only))
    };
    let routes = routes.iter().map(|wanted| wanted.as_ref().map(project)).collect();
    Identity {
        standard: project(&standard),
        routes,
        set: Arc::clone(&set),
    }
}

fn wanted(values: &Values, beside_a_proxy: bool) -> Result<Wanted, Vec<Fault>> {
    let (mut lines, mut faults): (Lines, Vec<Fault>) = (Vec::new(), Vec::new());
    if values.has("preset") && values.texts("preset").next().is_none() {
        let message = "an empty list sets no identity header, so that a client's own would arrive";
        faults.push(
            Fault::new("preset", message)
                .help("leave it out for x-auth; preset = \"none\" sets none on purpose"),
        );
    }
    for name in values.texts("preset") {
        for (header, fact) in preset(name).unwrap_or_default() {
            if lines.iter().all(|(own, _)| *own != header) {
                lines.push((header, fact));
            }
        }
    }
    for (name, fact) in values.text_map("add") {
        let at = |message: String| Fault::new(name, message).within("add");
        let header = name.parse::<HeaderName>();
        let known = "subject, issuer, groups, scopes, email, authenticator, or claims.PATH";
        match (header, Fact::parse(fact)) {
            (Err(_), _) => faults.push(at("not a header name".to_owned())),
            (Ok(header), _) if has_a_meaning(&header) => {
                faults.push(at(format!(
                    "`{header}` has a meaning of its own and cannot tell identity"
                )));
            }
            (Ok(_), None) => faults.push(
                at(format!("{fact:?} is nothing that can be told")).help(format!("known are: {known}")),
            ),
            (Ok(header), Some(fact)) => {
                lines.retain(|(own, _)| *own != header);
                lines.push((header, fact));
            }
        }
    }
    let format = match values.text("format") {
        Some("json") => ListFormat::Json,
        Some("lines") => ListFormat::Lines,
        _ => ListFormat::Comma,
    };
    if format == ListFormat::Lines && beside_a_proxy {
        let message = "`lines` is for proxy mode: a proxy that asks keeps only the first of repeated headers";
        faults.push(Fault::new("format", message).help("format = \"comma\" or \"json\""));
    }
    let named_groups = values.text("groups") == Some("named");
    if faults.is_empty() {
        Ok(Wanted {
            lines,
            format,
            named_groups,
        })
    } else {
        Err(faults)
    }
}

/// Two different names that fold to one.
fn alias(names: &[HeaderName]) -> Option<(&HeaderName, &HeaderName)> {
    let pairs = names
        .iter()
        .enumerate()
        .flat_map(|(index, one)| names.iter().skip(index + 1).map(move |other| (one, other)));
    pairs
        .into_iter()
        .find(|(one, other)| one != other && fold(one) == fold(other))
}

/// A header of the set never arrives from a client, so neither a token nor a proxy's secret can be in one.
fn refuse_double_use(
    document: &Document,
    set: &IdentityHeaders,
    listeners: &[Listen],
    declared: &Declared,
    told: &mut Vec<Diagnostic>,
) {
    let message = |name: &HeaderName| {
        format!(
            "`{name}` is an identity header (or a well-known one): what a client sends in it is dropped unread"
        )
    };
    for authenticator in declared.iter().filter_map(|(_, built)| built.as_ref()) {
        let headers = authenticator
            .credential_places()
            .iter()
            .filter_map(|place| match place {
                CredentialPlace::Header(name) => Some(name),
                CredentialPlace::Cookie(_) | CredentialPlace::Query(_) => None,
            });
        for name in headers.filter(|name| set.holds(name)) {
            let way = authenticator
                .name()
                .split('.')
                .map(str::to_owned)
                .chain(["header".to_owned()]);
            let place = document.place(&way.collect::<Vec<_>>());
            told.push(Diagnostic::error(place, message(name)).help("let the token stand in another header"));
        }
    }
    for listen in listeners {
        if let Some(name) = listen.secret_header.as_ref().filter(|name| set.holds(name)) {
            let place = document.place(
                &[
                    listen.way.as_slice(),
                    &["trusted_secret".to_owned(), "header".to_owned()],
                ]
                .concat(),
            );
            told.push(Diagnostic::error(place, message(name)).help("let the secret stand in another header"));
        }
    }
}

/// Every group that some route names.
fn named_groups(document: &Document, declared: &Declared) -> BTreeSet<String> {
    let requires = document
        .values
        .tables("route")
        .iter()
        .filter_map(|route| route.table("require"));
    let named = requires.flat_map(|require| require.texts("groups").chain(require.texts("not_groups")));
    named
        .map(|text| owner_and_name(text, declared).1.to_owned())
        .collect()
}
