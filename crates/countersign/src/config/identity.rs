//! The identity headers of the whole and of single routes: one closed set, and what each route writes of it.

use super::check::{Declared, tell};
use super::diagnostic::Diagnostic;
use super::listen::Listen;
use super::require::owner_and_name;
use super::shape::{Document, Way};
use countersign_core::certificate::SanKind;
use countersign_core::credential_place::CredentialPlace;
use countersign_core::identity_headers::{
    CertificateFact, Fact, IdentityHeaders, ListFormat, Projection, TokenFact, preset,
};
use countersign_core::options::{Fault, Values};
use http::HeaderName;
use http::header::{AUTHORIZATION, PROXY_AUTHORIZATION};
use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::Arc;

pub(super) use meaning::has_a_meaning;

use meaning::fold;

mod meaning;
pub(super) mod tokens;

/// How many identity headers there may be: an answer carries them all, within the 100 lines that proxies take.
const MAX_HEADERS: usize = 64;

type Lines = Vec<(HeaderName, Fact)>;

/// What one `identity_headers` table says.
#[derive(Debug, Clone)]
struct Wanted {
    lines: Lines,
    cookies: Vec<(Box<str>, TokenFact)>,
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
    let own = "identity_headers".to_owned();
    let routes = document.values.tables("route").iter().enumerate();
    let routes = routes.map(|(index, route)| {
        let way = vec!["route".to_owned(), index.to_string(), own.clone()];
        (way, route.table(&own))
    });
    let tables = std::iter::once((vec![own.clone()], document.values.table(&own))).chain(routes);
    let tables = tables.map(|(way, values)| {
        let mut faults = Vec::new();
        let wanted = values.map(|values| wanted(values, beside_a_proxy, &mut faults));
        tell(document, &way, faults, told);
        (way, wanted)
    });
    let mut tables = tables.collect::<Vec<_>>();
    if let Some((_, standard)) = tables.first_mut() {
        standard.get_or_insert_with(|| Wanted {
            lines: preset("x-auth").unwrap_or_default(),
            cookies: Vec::new(),
            format: ListFormat::Comma,
            named_groups: false,
        });
    }
    let set = Arc::new(IdentityHeaders::new(names(document, &tables, told)));
    refuse_double_use(document, &set, listeners, declared, told);
    told.extend(tokens::read_and_sent(document, declared));
    told.extend(tokens::never_there(document));
    let groups = named_groups(document, declared);
    let project = |wanted: &Wanted| {
        let only = wanted
            .named_groups
            .then(|| groups.iter().map(|group| group.as_str().into()).collect());
        let projection = Projection::new(&set, &wanted.lines, wanted.format, only);
        Arc::new(projection.with_cookies(wanted.cookies.clone()))
    };
    let mut projected = tables.iter().map(|(_, wanted)| wanted.as_ref().map(project));
    Identity {
        standard: projected.next().flatten().unwrap_or_default(),
        routes: projected.collect(),
        set: Arc::clone(&set),
    }
}

/// The names in all `tables`. There are few enough of them, and applications can tell them apart.
fn names(
    document: &Document,
    tables: &[(Way, Option<Wanted>)],
    told: &mut Vec<Diagnostic>,
) -> Vec<HeaderName> {
    let (mut names, mut by_fold) = (Vec::<HeaderName>::new(), HashMap::<String, HeaderName>::new());
    for (way, wanted) in tables {
        for (name, _) in wanted.iter().flat_map(|wanted| &wanted.lines) {
            let mut tell = |message: String, help: &str| {
                told.push(Diagnostic::error(document.place(way), message).help(help));
            };
            match by_fold.get(&fold(name)) {
                Some(one) if one == name => {}
                Some(one) => {
                    let message = format!(
                        "`{one}` and `{name}` are one header to applications that fold `-`, `_` and `.`"
                    );
                    tell(message, "name one of them otherwise");
                }
                None if names.len() == MAX_HEADERS => {
                    let message = format!("more than {MAX_HEADERS} identity headers, over all tables");
                    tell(
                        message,
                        "all of them are written with every answer, and no proxy takes more than 100 lines",
                    );
                    return names;
                }
                None => {
                    by_fold.insert(fold(name), name.clone());
                    names.push(name.clone());
                }
            }
        }
    }
    names
}

/// What a table says that is sound.
fn wanted(values: &Values, beside_a_proxy: bool, faults: &mut Vec<Fault>) -> Wanted {
    let mut lines = Lines::new();
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
    let mut added = HashSet::new();
    // One more than there may be is told as too many.
    for (name, fact) in values.text_map("add").iter().take(MAX_HEADERS + 1) {
        let fault = |message: String| Fault::new(name, message).within("add");
        let header = name.parse::<HeaderName>();
        match (header, Fact::parse(fact)) {
            (Err(_), _) => {
                let help = "letters, digits and `-`: X-Tenant";
                faults.push(fault("not a header name".to_owned()).help(help));
            }
            (Ok(header), _) if has_a_meaning(&header) => {
                let message = format!("`{header}` has a meaning of its own and cannot tell identity");
                faults.push(fault(message).help("a name of your own, such as X-Tenant"));
            }
            (Ok(header), _) if !added.insert(header.clone()) => {
                let message = format!("`{header}` is added twice: case does not count in a header's name");
                faults.push(fault(message).help("keep one of the two"));
            }
            (Ok(_), None) => {
                let help = "known are: subject, issuer, groups, scopes, email, authenticator, certificate.WORD (verify, \
                            subject, issuer, serial, fingerprint, spki, spiffe_id, not_before, not_after, san, san_typed, \
                            escaped_pem, client_cert, client_cert_chain, xfcc), or claims.PATH";
                faults.push(fault(format!("{fact:?} is nothing that can be told")).help(help));
            }
            (Ok(header), Some(fact)) => {
                lines.retain(|(own, _)| *own != header);
                lines.push((header, fact));
            }
        }
    }
    if values.has("san") {
        narrow_san(values, &mut lines, faults);
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
    Wanted {
        lines,
        cookies: tokens::cookies(values, faults),
        format,
        named_groups: values.text("groups") == Some("named"),
    }
}

/// Lets the headers that list a certificate's names list those of `san` alone.
fn narrow_san(values: &Values, lines: &mut Lines, faults: &mut Vec<Fault>) {
    let kinds = values.texts("san").filter_map(SanKind::parse).collect::<Vec<_>>();
    if kinds.is_empty() {
        let message = "an empty list lists no name";
        faults.push(Fault::new("san", message).help("leave it out for uri, dns and email, or name a kind"));
        return;
    }
    for (_, fact) in lines {
        if let Fact::Certificate(CertificateFact::San(listed)) = fact {
            *listed = kinds.clone().into();
        }
    }
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
                CredentialPlace::Cookie(_)
                | CredentialPlace::CookiesFrom(_)
                | CredentialPlace::IdentityCookie(_)
                | CredentialPlace::Query(_) => None,
            });
        for name in headers {
            let message = if set.holds(name) {
                message(name)
            } else if has_a_meaning(name) && *name != AUTHORIZATION && *name != PROXY_AUTHORIZATION {
                format!("`{name}` has a meaning of its own and carries no token")
            } else {
                continue;
            };
            let way = authenticator
                .name()
                .split('.')
                .map(str::to_owned)
                .chain(["header".to_owned()]);
            let place = document.place(&way.collect::<Vec<_>>());
            told.push(Diagnostic::error(place, message).help("let the token stand in another header"));
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
