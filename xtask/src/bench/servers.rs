//! The servers that are measured, each with the configuration its own manual would choose, one thread each, no logs.

use super::measure::Server;
use crate::tokens::{ISSUER, Keys};
use crate::{Failure, gateway};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

/// Where everything of one measurement lies, and the keys in it.
pub(crate) struct Bench {
    pub(crate) folder: PathBuf,
    pub(crate) keys: Keys,
    pub(crate) envoy: PathBuf,
}

impl Bench {
    /// Writes a file of this measurement.
    pub(crate) fn write(&self, name: &str, text: &str) -> Result<PathBuf, Failure> {
        let path = self.folder.join(name);
        std::fs::write(&path, text)?;
        Ok(path)
    }

    /// nginx, one worker, whose server block holds `locations`. It listens on `listen`: a port, and how.
    pub(crate) fn nginx(
        &self,
        name: &str,
        listen: &str,
        outside: &str,
        locations: &str,
    ) -> Result<Server, Failure> {
        let folder = self.folder.display();
        let text = format!(
            "daemon off;\nworker_processes 1;\npid {folder}/{name}.pid;\nerror_log {folder}/{name}.error.log;\n\
             events {{ worker_connections 4096; }}\nhttp {{\n  access_log off;\n  keepalive_requests 100000000;\n  \
             large_client_header_buffers 4 16k;\n  client_body_temp_path {folder}/{name}.body;\n  proxy_temp_path {folder}/{name}.proxy;\n  \
             fastcgi_temp_path {folder}/{name}.fcgi;\n  uwsgi_temp_path {folder}/{name}.uwsgi;\n  scgi_temp_path {folder}/{name}.scgi;\n\
             {outside}\n  server {{\n    listen 127.0.0.1:{listen};\n{locations}\n  }}\n}}\n"
        );
        let config = self.write(&format!("{name}.conf"), &text)?;
        let command = vec!["nginx".to_owned(), "-c".to_owned(), config.display().to_string()];
        let port = listen.split(' ').next().unwrap_or(listen).parse()?;
        Server::start(name, command, &self.folder.join(format!("{name}.log")), port)
    }

    /// nginx that answers at once, with five headers as a decision has them.
    pub(crate) fn nginx_204(&self, name: &str, port: u16) -> Result<Server, Failure> {
        let headers = [
            ("X-Auth-Subject", "f3a1c2d4-5b6e-4f70-8192-000000000000"),
            ("X-Auth-Groups", "operators,developers,home"),
            ("X-Auth-Username", "ann"),
            ("X-Auth-Email", "ann@bench.test"),
            ("X-Auth-Tenant", "home"),
        ];
        let lines = headers
            .map(|(header, value)| format!("      add_header {header} \"{value}\";"))
            .join("\n");
        self.nginx(
            name,
            &port.to_string(),
            "",
            &format!("    location / {{\n{lines}\n      return 204;\n    }}"),
        )
    }

    /// Countersign as nginx's decision endpoint, five identity headers, the log off.
    pub(crate) fn countersign(
        &self,
        name: &str,
        port: u16,
        token_cache_entries: u32,
    ) -> Result<Server, Failure> {
        let cache = format!("[token_cache]\nentries = {token_cache_entries}\n");
        let config = self.configuration(name, port, "jwk_set_file = \"jwks.json\"", &cache)?;
        self.gateway(name, &config, port)
    }

    /// Countersign with a configuration that listens on `port`, and a state folder of its own.
    pub(crate) fn gateway(&self, name: &str, config: &Path, port: u16) -> Result<Server, Failure> {
        let state = self.folder.join(format!("{name}.state"));
        std::fs::create_dir_all(&state)?;
        let command = [
            gateway::program().display().to_string(),
            "run".into(),
            "--config".into(),
            config.display().to_string(),
            "--state".into(),
            state.display().to_string(),
        ];
        Server::start(
            name,
            command.to_vec(),
            &self.folder.join(format!("{name}.log")),
            port,
        )
    }

    /// A configuration of Countersign whose keys come from `source`, and with `more` tables.
    pub(crate) fn configuration(
        &self,
        name: &str,
        port: u16,
        source: &str,
        more: &str,
    ) -> Result<PathBuf, Failure> {
        self.write("jwks.json", &self.keys.jwk_set()?)?;
        let text = format!(
            "config = 1\n[log]\nlevel = \"events\"\n[[listen]]\naddress = \"127.0.0.1:{port}\"\nspeak = \"auth-request\"\n\
             trusted_peers = [\"127.0.0.1\"]\n[token.bench]\nissuer = \"{ISSUER}\"\naudiences = [\"api\"]\n\
             algorithms = [\"RS256\", \"ES256\"]\n{source}\n{more}\
             [identity_headers]\npreset = \"none\"\n[identity_headers.add]\nX-Auth-Subject = \"subject\"\nX-Auth-Groups = \"groups\"\n\
             X-Auth-Username = \"claims.preferred_username\"\nX-Auth-Email = \"email\"\nX-Auth-Tenant = \"claims.tenant\"\n\
             [[route]]\nhosts = [\"app.bench.test\"]\npaths = [\"/**\"]\naccept = [\"token.bench\"]\n"
        );
        self.write(&format!("{name}.toml"), &text)
    }

    /// HAProxy's own verification; issuer, audience and end are rules, for it checks the signature only.
    pub(crate) fn haproxy(&self, name: &str, port: u16, keys: &[(&str, String)]) -> Result<Server, Failure> {
        let mut verifications = String::new();
        for (algorithm, pem) in keys {
            let path = self.write(&format!("{algorithm}.pem"), pem)?;
            writeln!(
                verifications,
                "  http-request set-var(txn.ok) var(txn.bearer),jwt_verify(txn.alg,\"{}\") if {{ var(txn.alg) -m str {algorithm} }}",
                path.display()
            )?;
        }
        let text = format!(
            "global\n  nbthread 1\n  maxconn 4096\n  tune.bufsize 32768\ndefaults\n  mode http\n  timeout client 60s\n  timeout server 60s\n  \
             timeout connect 5s\n  timeout http-keep-alive 60s\nfrontend decide\n  bind 127.0.0.1:{port}\n  \
             http-request set-var(txn.bearer) http_auth_bearer\n  \
             http-request set-var(txn.alg) var(txn.bearer),jwt_header_query('$.alg')\n  \
             http-request deny deny_status 401 unless {{ var(txn.bearer),jwt_payload_query('$.iss') -m str {ISSUER} }}\n  \
             http-request deny deny_status 401 unless {{ var(txn.bearer),jwt_payload_query('$.aud') -m str api }}\n  \
             http-request set-var(txn.now) date()\n  \
             http-request deny deny_status 401 unless {{ var(txn.bearer),jwt_payload_query('$.exp','int'),sub(txn.now) -m int gt 0 }}\n  \
             {verifications}  http-request deny deny_status 401 unless {{ var(txn.ok) -m int 1 }}\n  \
             http-request return status 200 hdr X-Auth-Subject %[var(txn.bearer),jwt_payload_query('$.sub')] \
             hdr X-Auth-Groups %[var(txn.bearer),jwt_payload_query('$.groups')] \
             hdr X-Auth-Username %[var(txn.bearer),jwt_payload_query('$.preferred_username')] \
             hdr X-Auth-Email %[var(txn.bearer),jwt_payload_query('$.email')] \
             hdr X-Auth-Tenant %[var(txn.bearer),jwt_payload_query('$.tenant')]\n"
        );
        let config = self.write(&format!("{name}.cfg"), &text)?;
        let command = vec![
            "haproxy".to_owned(),
            "-db".to_owned(),
            "-f".to_owned(),
            config.display().to_string(),
        ];
        Server::start(name, command, &self.folder.join(format!("{name}.log")), port)
    }

    /// Envoy's jwt_authn with its token cache, answering itself with five headers.
    pub(crate) fn envoy(&self, name: &str, port: u16, jwk_set: &str) -> Result<Server, Failure> {
        let claims = [
            ("sub", "x-jwt-sub"),
            ("preferred_username", "x-jwt-user"),
            ("email", "x-jwt-email"),
            ("tenant", "x-jwt-tenant"),
            ("groups", "x-jwt-groups"),
        ];
        let claim_lines = claims
            .map(|(claim, header)| format!("{{ header_name: {header}, claim_name: {claim} }}"))
            .join(", ");
        let answers = [
            ("X-Auth-Subject", "x-jwt-sub"),
            ("X-Auth-Username", "x-jwt-user"),
            ("X-Auth-Email", "x-jwt-email"),
            ("X-Auth-Tenant", "x-jwt-tenant"),
            ("X-Auth-Groups", "x-jwt-groups"),
        ];
        let answer_lines = answers
            .map(|(header, from)| format!("{{ header: {{ key: {header}, value: \"%REQ({from})%\" }} }}"))
            .join(", ");
        let text = format!(
            r#"static_resources:
  listeners:
  - address: {{ socket_address: {{ address: 127.0.0.1, port_value: {port} }} }}
    filter_chains:
    - filters:
      - name: envoy.filters.network.http_connection_manager
        typed_config:
          "@type": type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager
          stat_prefix: bench
          generate_request_id: false
          max_request_headers_kb: 60
          route_config:
            response_headers_to_add: [{answer_lines}]
            virtual_hosts:
            - {{ name: all, domains: ["*"], routes: [ {{ match: {{ prefix: "/" }}, direct_response: {{ status: 200 }} }} ] }}
          http_filters:
          - name: envoy.filters.http.jwt_authn
            typed_config:
              "@type": type.googleapis.com/envoy.extensions.filters.http.jwt_authn.v3.JwtAuthentication
              providers:
                bench:
                  issuer: {ISSUER}
                  audiences: [api]
                  require_expiration: true
                  forward: true
                  jwt_cache_config: {{ jwt_cache_size: 1000 }}
                  claim_to_headers: [{claim_lines}]
                  local_jwks: {{ inline_string: '{jwk_set}' }}
              rules: [ {{ match: {{ prefix: "/" }}, requires: {{ provider_name: bench }} }} ]
          - name: envoy.filters.http.router
            typed_config: {{ "@type": type.googleapis.com/envoy.extensions.filters.http.router.v3.Router }}
"#
        );
        let config = self.write(&format!("{name}.yaml"), &text)?;
        let command = [
            self.envoy.display().to_string(),
            "-c".into(),
            config.display().to_string(),
        ];
        let more = ["--concurrency", "1", "-l", "error", "--disable-hot-restart"].map(str::to_owned);
        let command = command.into_iter().chain(more).collect();
        Server::start(name, command, &self.folder.join(format!("{name}.log")), port)
    }
}
