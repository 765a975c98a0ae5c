//! What a decision costs somebody who has logged in, beside nginx that answers at once and Apache's mod_auth_openidc.

use super::site::{DECIDE, HOST, Ours, Provider, SECRET};
use super::visitor::{Site, log_in};
use crate::bench::Effort;
use crate::bench::bars::Bar;
use crate::bench::measure::{Load, Server};
use crate::bench::servers::Bench;
use crate::bench::side_by_side::{Row, question_headers, table};
use crate::{Failure, http};

const NGINX: u16 = 18_111;
const MEMORY: u16 = 18_112;
const FILE: u16 = 18_113;
const APACHE: u16 = 18_114;
/// Where Debian has them.
const MODULES: &str = "/usr/lib/apache2/modules";

/// One session again and again, in memory here.
pub(crate) fn measure(bench: &Bench, effort: Effort) -> Result<Vec<Bar>, Failure> {
    let provider = Provider::start()?;
    let limit = bench.nginx_204("nginx-204", NGINX)?;
    let memory = Ours::start(bench, &provider, "memory", MEMORY)?;
    let file = Ours::start(bench, &provider, "file", FILE)?;
    let apache = apache(bench, &provider)?;
    let load = |ours: &Ours| {
        let cookie = ours.log_in(&provider)?;
        Load::new(
            &bench.folder,
            &ours.server.name,
            &question_headers(),
            "Cookie",
            &[cookie],
        )
    };
    let (in_memory, in_file) = (load(&memory)?, load(&file)?);
    let in_apache = apache_session(bench, &provider, &apache)?;
    let row = |name, load, port: u16, path: &str, server| Row {
        name,
        load,
        url: format!("http://127.0.0.1:{port}{path}"),
        servers: vec![server],
    };
    let rows = [
        row(
            "nginx `return 204`, five headers",
            &in_memory,
            NGINX,
            DECIDE,
            &limit,
        ),
        row(
            "Countersign, store in memory",
            &in_memory,
            MEMORY,
            DECIDE,
            &memory.server,
        ),
        row(
            "Countersign, store in a file",
            &in_file,
            FILE,
            DECIDE,
            &file.server,
        ),
        row(
            "mod_auth_openidc, session in its shared memory, an empty file",
            &in_apache,
            APACHE,
            "/page",
            &apache,
        ),
    ];
    let ratios = table("One session again and again", &rows, effort)?;
    let mut bars = Vec::new();
    for (index, store) in [(1, "memory"), (2, "a file")] {
        let what = format!(
            "a session from {store}, five identity headers: CPU against nginx `return 204` with five headers"
        );
        bars.append(&mut Bar::at_most(
            what,
            1.30,
            ratios.get(index).map(|ratios| ratios.cpu),
        ));
    }
    Ok(bars)
}

/// Apache as its manual would have it: the event MPM, one process, the modules that are needed, no log of requests. It
/// answers with a file, for it has no decision endpoint.
fn apache(bench: &Bench, provider: &Provider) -> Result<Server, Failure> {
    let folder = bench.folder.display();
    let modules = [
        "mpm_event",
        "authn_core",
        "authz_core",
        "authz_user",
        "auth_openidc",
    ]
    .map(|name| format!("LoadModule {name}_module {MODULES}/mod_{name}.so\n"))
    .concat();
    let www = bench.folder.join("www");
    std::fs::create_dir_all(&www)?;
    std::fs::write(www.join("page"), "")?;
    let text = format!(
        "ServerName {HOST}\nServerRoot {folder}\nPidFile {folder}/apache.pid\nDefaultRuntimeDir {folder}\nListen 127.0.0.1:{APACHE}\n\
         {modules}User nobody\nGroup nogroup\nErrorLog {folder}/apache.error.log\nLogLevel info\nDocumentRoot {}\n\
         MaxKeepAliveRequests 0\nKeepAliveTimeout 60\nStartServers 1\nServerLimit 1\nThreadLimit 512\nThreadsPerChild 512\nMaxRequestWorkers 512\n\
         MinSpareThreads 1\nMaxSpareThreads 1000\n\
         OIDCProviderMetadataURL {}/.well-known/openid-configuration\nOIDCClientID app\nOIDCClientSecret {SECRET}\n\
         OIDCRedirectURI https://{HOST}/apache/callback\nOIDCCryptoPassphrase {SECRET}\nOIDCScope \"openid profile email\"\n\
         OIDCXForwardedHeaders X-Forwarded-Proto\nOIDCSessionInactivityTimeout 86400\n\
         <Location />\n  AuthType openid-connect\n  Require valid-user\n</Location>\n",
        www.display(),
        provider.issuer
    );
    let config = bench.write("apache.conf", &text)?;
    let command = ["apache2", "-DFOREGROUND", "-f", &config.display().to_string()].map(str::to_owned);
    Server::start(
        "mod_auth_openidc",
        command.to_vec(),
        &bench.folder.join("apache.log"),
        APACHE,
    )
}

fn apache_session(bench: &Bench, provider: &Provider, server: &Server) -> Result<Load, Failure> {
    let head = |path: &str, cookies: Option<&str>| {
        let cookies = cookies.map_or_else(String::new, |cookies| format!("Cookie: {cookies}\r\n"));
        format!(
            "GET {path} HTTP/1.1\r\nHost: {HOST}\r\nAccept: text/html\r\nX-Forwarded-Proto: https\r\n{cookies}\r\n"
        )
    };
    let site = Site {
        port: APACHE,
        head: &head,
    };
    let cookie = log_in(&site, "/page", provider)?;
    let bad = http::ask(APACHE, &head("/page", None))?.status;
    if bad == 200 {
        return Err(format!("{} answers {bad} without a session", server.name).into());
    }
    let headers = [
        ("Host", HOST.to_owned()),
        ("X-Forwarded-Proto", "https".to_owned()),
    ];
    Load::new(&bench.folder, &server.name, &headers, "Cookie", &[cookie])
}
