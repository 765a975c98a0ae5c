//! Which route governs what.

use super::*;
use crate::certificate::ClientCertificate;
use crate::gate::{Scheme, Target};
use crate::request::RequestId;
use http::HeaderMap;

struct Spec<'a> {
    name: &'a str,
    hosts: &'a [&'a str],
    paths: &'a [&'a str],
    methods: &'a [Method],
}

const fn spec<'a>(name: &'a str, hosts: &'a [&'a str], paths: &'a [&'a str]) -> Spec<'a> {
    Spec {
        name,
        hosts,
        paths,
        methods: &[],
    }
}

fn route(spec: &Spec<'_>) -> Arc<Route> {
    Arc::new(Route {
        hosts: spec
            .hosts
            .iter()
            .map(|host| HostPattern::parse(host).unwrap())
            .collect(),
        paths: spec
            .paths
            .iter()
            .map(|path| PathPattern::parse(path, false).unwrap())
            .collect(),
        methods: spec.methods.to_vec(),
        ..Route::bare(spec.name)
    })
}

fn table(specs: &[Spec<'_>]) -> RouteTable {
    RouteTable::new(&specs.iter().map(route).collect::<Vec<_>>()).unwrap()
}

fn request(method: Method, host: &str, target: &str) -> OriginalRequest {
    OriginalRequest {
        id: RequestId(1),
        method,
        scheme: Scheme::Https,
        host: Host::judge(host).unwrap(),
        target: Target::judge(target).unwrap(),
        client: None,
        headers: HeaderMap::new(),
        forwarder: Forwarder::Us,
        certificate: ClientCertificate::default(),
    }
}

fn found(table: &RouteTable, method: Method, host: &str, target: &str) -> String {
    let request = request(method, host, target);
    match table.find(&request) {
        Ok(Some(route)) => route.name.to_string(),
        Ok(None) => "none".into(),
        Err(unreadable) => unreadable.reason.code().into(),
    }
}

#[test]
fn the_most_specific_host_governs_alone() {
    let table = table(&[
        spec("any", &["*"], &["/**"]),
        spec("suffix", &["*.test"], &["/**"]),
        spec("longer", &["*.app.test"], &["/**"]),
        spec("exact", &["app.test"], &["/public/**"]),
    ]);
    let at = |host| found(&table, Method::GET, host, "/public/x");
    assert_eq!(at("app.test"), "exact");
    assert_eq!(at("APP.test."), "exact");
    assert_eq!(at("app.test:8443"), "exact");
    assert_eq!(at("a.b.app.test"), "longer");
    assert_eq!(at("other.test"), "suffix");
    assert_eq!(at("test"), "any", "a suffix never covers the apex");
    assert_eq!(at("evilapp.test"), "suffix");
    assert_eq!(
        found(&table, Method::GET, "app.test", "/admin"),
        "none",
        "a wider host does not open what a host left out"
    );
}

#[test]
fn the_longest_literal_path_governs() {
    let table = table(&[
        spec("all", &["*"], &["/**"]),
        spec("admin", &["*"], &["/admin/**"]),
        spec("one", &["*"], &["/admin/*"]),
        spec("users", &["*"], &["/admin/users"]),
    ]);
    let at = |target| found(&table, Method::GET, "a.test", target);
    assert_eq!(at("/admin"), "admin");
    assert_eq!(at("/admin/"), "admin");
    assert_eq!(at("/admin/x"), "one");
    assert_eq!(at("/admin/x/y"), "admin");
    assert_eq!(at("/admin/users"), "users");
    assert_eq!(at("/adminX"), "all");
    assert_eq!(at("/admin.bak?/admin"), "all");
    assert_eq!(at("/ADMIN"), "all");
    assert_eq!(at("/%61dmin"), "path_escaped_plain");
}

#[test]
fn escapes_compare_by_what_they_stand_for() {
    let table = table(&[
        spec("all", &["*"], &["/**"]),
        spec("closed", &["*"], &["/caf%c3%a9/**", "/a:b/**"]),
    ]);
    for target in ["/caf%C3%A9", "/caf%c3%A9/x", "/a:b", "/a%3Ab/c", "/a%3ab"] {
        assert_eq!(found(&table, Method::GET, "a.test", target), "closed", "{target}");
    }
}

#[test]
fn a_method_left_out_has_no_route_whatever_a_wider_pattern_says() {
    let get = Spec {
        methods: &[Method::GET],
        ..spec("get", &["*"], &["/admin/**"])
    };
    let table = table(&[spec("all", &["*"], &["/**"]), get]);
    assert_eq!(found(&table, Method::GET, "a.test", "/admin/x"), "get");
    assert_eq!(found(&table, Method::POST, "a.test", "/admin/x"), "none");
    let mut request = request(Method::GET, "a.test", "/admin/x");
    request
        .headers
        .insert("x-http-method-override", "DELETE".parse().unwrap());
    assert_eq!(
        table.find(&request).err().map(|refused| refused.reason),
        Some(UnreadableReason::MethodOverride)
    );
}

#[test]
fn equal_routes_are_refused_unless_their_methods_differ() {
    let twice = [
        route(&spec("one", &["a.test"], &["/x/**"])),
        route(&spec("two", &["a.test"], &["/x/**"])),
    ];
    assert_eq!(
        RouteTable::new(&twice).err().unwrap(),
        [EqualRoutes {
            routes: (0, 1),
            at: "a.test/x/**".into()
        }]
    );
    let get = Spec {
        methods: &[Method::GET],
        ..spec("get", &["a.test"], &["/x"])
    };
    let post = Spec {
        methods: &[Method::POST],
        ..spec("post", &["a.test"], &["/x"])
    };
    let table = table(&[get, post]);
    assert_eq!(found(&table, Method::POST, "a.test", "/x"), "post");
}

#[test]
fn an_odd_spelling_passes_where_its_route_says_so_and_we_forward() {
    let mut open = Arc::into_inner(route(&spec("files", &["*"], &["/files/**"]))).unwrap();
    open.allow_in_path = PathOddities::named("encoded-slash").unwrap();
    let table = RouteTable::new(&[Arc::new(open), route(&spec("all", &["*"], &["/**"]))]).unwrap();
    assert_eq!(found(&table, Method::GET, "a.test", "/files/a%2Fb"), "files");
    assert_eq!(
        found(&table, Method::GET, "a.test", "/other/a%2fb"),
        "path_escaped_delimiter"
    );
    let mut asked = request(Method::GET, "a.test", "/files/a%2Fb");
    asked.forwarder = Forwarder::Another;
    assert!(
        table.find(&asked).is_err(),
        "another program forwards, and may read it otherwise"
    );
}

#[test]
fn many_hosts_are_found_as_one_is() {
    let names = (0..10_000)
        .map(|number| format!("h{number}.test"))
        .collect::<Vec<_>>();
    let hosts = names.iter().map(String::as_str).collect::<Vec<_>>();
    let table = table(&[spec("many", &hosts, &["/**"])]);
    assert_eq!(found(&table, Method::GET, "H9999.TEST.", "/"), "many");
    assert_eq!(found(&table, Method::GET, "h10000.test", "/"), "none");
}

#[test]
fn patterns_that_are_none_are_refused() {
    assert_eq!(PathPattern::parse("/a/**/b", false), Err(PatternError::Star));
    assert_eq!(PathPattern::parse("/a*", false), Err(PatternError::Star));
    assert_eq!(PathPattern::parse("a", false), Err(PatternError::NotAPath));
    assert_eq!(PathPattern::parse("/a/../b", false), Err(PatternError::NotAPath));
    assert_eq!(PathPattern::parse("/a?b", false), Err(PatternError::NotAPath));
    assert_eq!(HostPattern::parse("a.*.test"), Err(PatternError::NotAHost));
    assert_eq!(HostPattern::parse("a.test:80"), Err(PatternError::Port));
    let folded = PathPattern::parse("/Admin/**", true).unwrap();
    assert!(folded.covers("/aDMIN/x"));
}

#[test]
fn a_pattern_includes_another_when_it_covers_all_of_it() {
    let includes = |one: &str, other: &str| {
        let read = |text: &str| match text.strip_prefix("i:") {
            Some(text) => PathPattern::parse(text, true).unwrap(),
            None => PathPattern::parse(text, false).unwrap(),
        };
        read(one).includes(&read(other))
    };
    for (one, other) in [
        ("/**", "/a/b"),
        ("/**", "/a/**"),
        ("/a/**", "/a"),
        ("/a/*", "/a/b"),
        ("/a/*/*", "/a/*/admin"),
        ("i:/a", "/A"),
        ("i:/A", "i:/a"),
        ("/1", "i:/1"),
    ] {
        assert!(includes(one, other), "{one} {other}");
    }
    for (one, other) in [
        ("/a", "/a/b"),
        ("/a", "/a/**"),
        ("/a/*", "/a/"),
        ("/a/*", "/a/**"),
        ("/a/b", "/a/*"),
        ("/a/*/admin", "/a/*/*"),
        ("/a/b/**", "/a"),
        ("/a", "i:/a"),
        ("/a", "/b"),
    ] {
        assert!(!includes(one, other), "{one} {other}");
    }
}

#[test]
fn who_is_who_is_told_on_every_host_that_has_a_route() {
    let table = table(&[
        spec("one", &["app.test"], &["/admin/**"]),
        spec("two", &["*.home.test"], &["/**"]),
    ]);
    let has = |host: &str| table.whoami(&Host::judge(host).unwrap()).is_some();
    assert!(has("app.test") && has("a.home.test"));
    assert!(!has("home.test") && !has("other.test"));
}
