//! Proxies that speak TLS in front of the gateway pass the client's certificate on, each in its own form: nginx, Caddy,
//! Traefik, Envoy and HAProxy. None of them judges it; the gateway does.

use crate::fronts::{gateway, nginx};
use crate::process::{Folder, Process, free_addresses, tool, until_open};
use crate::upstream::Upstream;
use countersign_testkit::pki::{Authority, Key, San, Template, pem};
use std::net::SocketAddr;
use std::process::Command;

/// A proxy, what it writes, and how the gateway reads it.
struct Form {
    proxy: &'static str,
    format: &'static str,
    header: &'static str,
}

const FORMS: [Form; 7] = [
    Form {
        proxy: "nginx",
        format: "escaped-pem",
        header: "X-Original-Client-Cert",
    },
    Form {
        proxy: "caddy",
        format: "base64-der",
        header: "X-Client-Der",
    },
    Form {
        proxy: "caddy",
        format: "spaced-pem",
        header: "X-Client-Cert",
    },
    Form {
        proxy: "traefik",
        format: "base64-der",
        header: "X-Forwarded-Tls-Client-Cert",
    },
    Form {
        proxy: "envoy",
        format: "xfcc",
        header: "X-Forwarded-Client-Cert",
    },
    Form {
        proxy: "haproxy",
        format: "base64-der",
        header: "X-Client-Der",
    },
    Form {
        proxy: "haproxy",
        format: "rfc9440",
        header: "Client-Cert",
    },
];

/// The proxy, the gateway behind it, and the application behind that.
struct Chain {
    folder: Folder,
    front: SocketAddr,
    upstream: Upstream,
    _running: [Process; 2],
}

impl Chain {
    fn start(form: &Form) -> Self {
        let folder = Folder::new();
        let upstream = Upstream::start();
        let [front, behind] = free_addresses();
        certificates(&folder);
        let configuration = folder.write("countersign.toml", configuration(form, behind, upstream.address));
        let mut gateway = gateway(&configuration, &folder.0.join("state"));
        until_open(&mut gateway, behind);
        let mut proxy = proxy(form, &folder, front, behind);
        until_open(&mut proxy, front);
        let chain = Self {
            folder,
            front,
            upstream,
            _running: [gateway, proxy],
        };
        // Traefik listens before it has read its routers.
        crate::process::until("the proxy forwards", || {
            !["000", "404"].contains(&chain.curl(&[]).as_str())
        });
        chain.upstream.take();
        chain
    }

    /// The status that curl sees with these options.
    fn curl(&self, options: &[&str]) -> String {
        let port = self.front.port();
        let output = Command::new("curl")
            .args(["-sk", "-o", "/dev/null", "-w", "%{http_code}", "--noproxy", "*"])
            .args(["--resolve", &format!("app.test:{port}:127.0.0.1")])
            .args(options)
            .arg(format!("https://app.test:{port}/"))
            .current_dir(&self.folder.0)
            .output()
            .unwrap();
        String::from_utf8(output.stdout).unwrap()
    }

    fn as_client(&self, name: &str) -> String {
        let (certificate, key) = (format!("{name}.pem"), format!("{name}.key"));
        self.curl(&["--cert", &certificate, "--key", &key])
    }
}

/// A server's certificate, a client's with its authority's, and that of a stranger.
fn certificates(folder: &Folder) {
    let root = Authority::root("Root", Key(1));
    let issuing = root.under("Issuing", Key(2));
    folder.write("authorities.pem", root.pem() + &issuing.pem());
    folder.write(
        "server.pem",
        pem("CERTIFICATE", &root.issue(&Template::server("app.test", Key(4)))),
    );
    folder.write("server.key", Key(4).pem());
    folder.write(
        "both.pem",
        pem("CERTIFICATE", &root.issue(&Template::server("app.test", Key(4)))) + Key(4).pem(),
    );
    let client = Template::client("joe", Key(3)).names(&[San::Uri("spiffe://example.test/joe")]);
    folder.write(
        "joe.pem",
        pem("CERTIFICATE", &issuing.issue(&client)) + &issuing.pem(),
    );
    folder.write("joe.key", Key(3).pem());
    let stranger = Authority::root("Stranger", Key(5));
    folder.write("stranger.pem", pem("CERTIFICATE", &stranger.issue(&client)));
    folder.write("stranger.key", Key(3).pem());
}

fn configuration(form: &Form, listen: SocketAddr, application: SocketAddr) -> String {
    let Form { format, header, .. } = form;
    format!(
        "config = 1\n[[listen]]\naddress = \"{listen}\"\nspeak = \"reverse-proxy\"\ntrusted_peers = [\"127.0.0.1\"]\n\
         [listen.forwarded_certificate]\nformat = \"{format}\"\nheader = \"{header}\"\nby = [\"certificate.home\"]\n\
         [certificate.home]\nauthorities = [\"authorities.pem\"]\n[identity_headers]\npreset = \"nginx\"\n\
         [[route]]\nhosts = [\"app.test\"]\npaths = [\"/**\"]\naccept = [\"certificate.home\"]\nto = \"http://{application}\"\n"
    )
}

fn proxy(form: &Form, folder: &Folder, front: SocketAddr, behind: SocketAddr) -> Process {
    let mut command = match form.proxy {
        "nginx" => {
            folder.write("nginx.conf", nginx_file(front, behind));
            nginx(&folder.0, "nginx.conf")
        }
        "caddy" => {
            folder.write("Caddyfile", caddy_file(front, behind));
            let mut caddy = tool("caddy");
            caddy
                .arg("run")
                .env("HOME", &folder.0)
                .env("XDG_CONFIG_HOME", &folder.0)
                .env("XDG_DATA_HOME", &folder.0);
            caddy
        }
        "traefik" => {
            folder.write("traefik.yml", traefik_file(front));
            folder.write("dynamic.yml", traefik_dynamic_file(behind));
            let mut traefik = tool("traefik");
            traefik.arg("--configfile=traefik.yml");
            traefik
        }
        "envoy" => {
            folder.write("envoy.yaml", envoy_file(front, behind));
            let mut envoy = tool("envoy");
            // Without it, two at a time are in each other's way.
            envoy.args(["-c", "envoy.yaml", "--use-dynamic-base-id", "-l", "warning"]);
            envoy
        }
        _ => {
            folder.write("haproxy.cfg", haproxy_file(front, behind));
            let mut haproxy = Command::new("haproxy");
            haproxy.args(["-db", "-f", "haproxy.cfg"]);
            haproxy
        }
    };
    Process::start(form.proxy, command.current_dir(&folder.0))
}

fn nginx_file(front: SocketAddr, behind: SocketAddr) -> String {
    format!(
        "error_log stderr;\npid nginx.pid;\nevents {{}}\nhttp {{\n access_log off;\n server {{\n  listen {front} ssl;\n  \
         ssl_certificate server.pem;\n  ssl_certificate_key server.key;\n  ssl_client_certificate authorities.pem;\n  \
         ssl_verify_client optional_no_ca;\n  location / {{\n   proxy_pass http://{behind};\n   \
         proxy_set_header Host $http_host;\n   proxy_set_header X-Forwarded-For $remote_addr;\n   \
         proxy_set_header X-Forwarded-Proto $scheme;\n   \
         proxy_set_header X-Original-Client-Cert $ssl_client_escaped_cert;\n  }}\n }}\n}}\n"
    )
}

fn caddy_file(front: SocketAddr, behind: SocketAddr) -> String {
    let port = front.port();
    format!(
        "{{\n\tadmin off\n\tauto_https off\n\tservers {{\n\t\tprotocols h1 h2\n\t}}\n}}\nhttps://app.test:{port} {{\n\tbind 127.0.0.1\n\
         \ttls server.pem server.key {{\n\t\tclient_auth {{\n\t\t\tmode request\n\t\t}}\n\t}}\n\treverse_proxy {behind} {{\n\
         \t\theader_up X-Client-Der {{http.request.tls.client.certificate_der_base64}}\n\
         \t\theader_up X-Client-Cert {{http.request.tls.client.certificate_pem}}\n\
         \t\theader_up X-Client-Cert \\n \" \"\n\t}}\n}}\n"
    )
}

fn traefik_file(front: SocketAddr) -> String {
    format!(
        "global:\n  checkNewVersion: false\n  sendAnonymousUsage: false\nentryPoints:\n  secure:\n    address: \"{front}\"\n\
         providers:\n  file:\n    filename: dynamic.yml\n"
    )
}

fn traefik_dynamic_file(behind: SocketAddr) -> String {
    format!(
        "tls:\n  certificates:\n    - certFile: server.pem\n      keyFile: server.key\n  options:\n    default:\n      \
         clientAuth:\n        clientAuthType: RequestClientCert\nhttp:\n  routers:\n    app:\n      \
         rule: Host(`app.test`)\n      tls: {{}}\n      middlewares: [certificate]\n      service: app\n  middlewares:\n    \
         certificate:\n      passTLSClientCert:\n        pem: true\n  services:\n    app:\n      loadBalancer:\n        \
         servers:\n          - url: http://{behind}\n"
    )
}

fn envoy_file(front: SocketAddr, behind: SocketAddr) -> String {
    let (front, behind) = (front.port(), behind.port());
    let tls = "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext";
    let manager = "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager";
    let router = "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router";
    format!(
        "static_resources:
  listeners:
  - address: {{socket_address: {{address: 127.0.0.1, port_value: {front}}}}}
    filter_chains:
    - transport_socket:
        name: tls
        typed_config:
          \"@type\": {tls}
          common_tls_context:
            tls_certificates: [{{certificate_chain: {{filename: server.pem}}, private_key: {{filename: server.key}}}}]
            validation_context: {{trusted_ca: {{filename: authorities.pem}}, trust_chain_verification: ACCEPT_UNTRUSTED}}
      filters:
      - name: manager
        typed_config:
          \"@type\": {manager}
          stat_prefix: front
          use_remote_address: true
          forward_client_cert_details: SANITIZE_SET
          set_current_client_cert_details: {{subject: true, cert: true, chain: true, dns: true, uri: true}}
          route_config: {{virtual_hosts: [{{name: app, domains: [\"*\"], routes: [{{match: {{prefix: /}}, route: {{cluster: app}}}}]}}]}}
          http_filters: [{{name: router, typed_config: {{\"@type\": {router}}}}}]
  clusters:
  - name: app
    connect_timeout: 5s
    load_assignment:
      cluster_name: app
      endpoints: [{{lb_endpoints: [{{endpoint: {{address: {{socket_address: {{address: 127.0.0.1, port_value: {behind}}}}}}}}}]}}]
"
    )
}

fn haproxy_file(front: SocketAddr, behind: SocketAddr) -> String {
    format!(
        "defaults\n  mode http\n  timeout client 30s\n  timeout server 30s\n  timeout connect 5s\nfrontend front\n  \
         bind {front} ssl crt both.pem ca-file authorities.pem verify optional crt-ignore-err all ca-ignore-err all\n  \
         http-request set-header X-Client-Der %[ssl_c_der,base64]\n  \
         http-request del-header Client-Cert\n  http-request del-header Client-Cert-Chain\n  \
         http-request set-header Client-Cert :%[ssl_c_der,base64]: if {{ ssl_c_used }}\n  http-request set-header X-Forwarded-For %[src]\n  \
         http-request set-header X-Forwarded-Proto https\n  default_backend app\nbackend app\n  server app {behind}\n"
    )
}

#[test]
fn every_proxy_passes_a_certificate_on_and_none_of_them_judges_it() {
    for form in FORMS {
        let chain = Chain::start(&form);
        let name = format!("{} with {}", form.proxy, form.format);
        assert_eq!(chain.as_client("joe"), "200", "{name}");
        let seen = chain.upstream.take();
        let [seen] = seen.as_slice() else {
            panic!("{name}: {seen:?}");
        };
        assert_eq!(seen.said("x-ssl-client"), ["CN=joe"], "{name}");
        assert_eq!(seen.said("x-ssl-client-issuer"), ["CN=Issuing"], "{name}");
        assert_eq!(
            seen.said("x-ssl-san"),
            ["[\"spiffe://example.test/joe\"]"],
            "{name}"
        );
        assert_eq!(seen.said("x-ssl-client-verify"), ["SUCCESS"], "{name}");

        assert_eq!(chain.as_client("stranger"), "403", "{name}");
        assert_eq!(chain.curl(&[]), "403", "{name}");
        // What a client says of itself in the proxy's header does not arrive.
        let forged = forged(&form, &chain.folder);
        assert_eq!(chain.curl(&["-H", &forged]), "403", "{name}: {forged:.60}");
        assert!(chain.upstream.take().is_empty(), "{name}");
    }
}

/// The header of a form, with the certificate of a client who has shown none.
fn forged(form: &Form, folder: &Folder) -> String {
    let text = std::fs::read(folder.0.join("joe.pem")).unwrap();
    let text = String::from_utf8(text).unwrap();
    let one = text
        .split_inclusive("-----END CERTIFICATE-----\n")
        .next()
        .unwrap();
    let body = one
        .lines()
        .filter(|line| !line.starts_with('-'))
        .collect::<String>();
    let escaped = one
        .replace(' ', "%20")
        .replace('\n', "%0A")
        .replace('+', "%2B")
        .replace('/', "%2F")
        .replace('=', "%3D");
    let value = match form.format {
        "escaped-pem" => escaped,
        "rfc9440" => format!(":{body}:"),
        "xfcc" => format!("Cert=\"{escaped}\""),
        "spaced-pem" => one.replace('\n', " "),
        _ => body,
    };
    format!("{}: {value}", form.header)
}
