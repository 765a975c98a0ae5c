//! `[[listen]]`, as it is written.

use countersign_core::options::{Field, Kind, Table};
use countersign_edge::integration::{self, CertificateFormat};
use countersign_edge::tls::Mode;

/// `[[listen]]`
pub(super) const LISTEN: Table = Table {
    doc: "A socket and the dialect it speaks. Several listeners share one set of rules, and give one answer to one request. \
          A reload binds those that were added and closes those that were removed, once what is under way on them is \
          finished; the others keep their connections.",
    fields: &[
        Field::required(
            "address",
            Kind::Text,
            "An IP address and port (`127.0.0.1:9180`; `[::]:9180` is every address, also IPv4's), `unix:/absolute/path`, or \
             `systemd:NAME`.",
        ),
        Field::required(
            "speak",
            Kind::Choice(integration::NAMES),
            "`auth-request` (nginx), `forward-auth` (Traefik, Caddy), `check` (the path asked names a route's `endpoint`), \
             `reverse-proxy` (forwards by itself; without TLS on loopback only), `redirect` (tells clients to ask over TLS, \
             and nothing else).",
        ),
        Field::or(
            "trusted_peers",
            Kind::TEXTS,
            "[]",
            "Who may tell us about the original request: `unix`, addresses, ranges. Nobody unless named; a set that covers \
             a quarter of an address family is refused.",
        ),
        Field::optional(
            "trusted_secret",
            Kind::Table(&TRUSTED_SECRET),
            "Also trust whoever sends this secret in this header.",
        ),
        Field::optional(
            "forwarded_certificate",
            Kind::Table(&FORWARDED_CERTIFICATE),
            "How a trusted peer in front passes on the client's certificate.",
        ),
        Field::optional(
            "mode",
            Kind::Text,
            "The file mode of a unix socket, in octal: `\"0660\"`.",
        ),
        Field::optional(
            "owner",
            Kind::Text,
            "The owner of a unix socket: `user`, `user:group` or `:group`.",
        ),
        Field::optional(
            "https_port",
            Kind::Integer(1, 65535),
            "With `redirect`: the port that clients are sent to. By default 443.",
        ),
        Field::optional(
            "tls",
            Kind::Table(&TLS),
            "How TLS is spoken; the defaults are right.",
        ),
        Field::optional(
            "host",
            Kind::Tables(&HOST),
            "With hosts a listener speaks TLS, and nothing else. The first is shown to whoever asks for another name, or for \
             none.",
        ),
    ],
};

const TLS: Table = Table {
    doc: "Key exchange by X25519MLKEM768, X25519, P-256 or P-384; only cipher suites with forward secrecy and authenticated \
          encryption; no early data. A `reverse-proxy` offers HTTP/2 and HTTP/1.1, other listeners HTTP/1.1.",
    fields: &[
        Field::or(
            "min_version",
            Kind::Choice(&["1.2", "1.3"]),
            "\"1.2\"",
            "The oldest version of TLS that is spoken; 1.3 is the newest.",
        ),
        Field::or(
            "resumption",
            Kind::Bool,
            "true",
            "Whether clients may take up a session from before (by tickets), which spares both most of a handshake. Certificates \
             are judged all the same.",
        ),
    ],
};

const HOST: Table = Table {
    doc: "What is shown to clients that ask for these names (SNI). A file that changes is taken within seconds, as by a reload; \
          one that cannot be used leaves the one before in force.",
    fields: &[
        Field::required(
            "names",
            Kind::TEXTS,
            "Host names, or `*.` and a host name for one or more labels before it, never the name itself; as in `hosts` of a \
             route, the exact name wins, then the longest.",
        ),
        Field::required(
            "certificate",
            Kind::File,
            "A PEM file: the certificate, then those it was issued by, without the root.",
        ),
        Field::required(
            "key",
            Kind::Secret,
            "Its private key, a PEM file without a passphrase: PKCS #8, SEC 1 or PKCS #1.",
        ),
        Field::optional(
            "client_certificates",
            Kind::Table(&CLIENT_CERTIFICATES),
            "Whether clients are asked for a certificate. By default they are not.",
        ),
    ],
};

const CLIENT_CERTIFICATES: Table = Table {
    doc: "A certificate is judged with each request. A request for a host with another `mode` or `by` than the one its \
          connection was made for is answered 421 `misdirected`.",
    fields: &[
        Field::required(
            "mode",
            Kind::Choice(Mode::NAMES),
            "`off`; `ask`, and go on with one that holds, one that does not, and none; `required`: 403 without one that holds.",
        ),
        Field::optional(
            "by",
            Kind::TEXTS,
            "Who judges it: `certificate.NAME`. The verdict is that of the first by whom it holds, else of the first.",
        ),
    ],
};

const FORWARDED_CERTIFICATE: Table = Table {
    doc: "From a trusted peer alone, and judged here as if it had been shown to us: the proxy need not verify it. It must \
          overwrite the header in every request, also when there is no certificate.",
    fields: &[
        Field::required(
            "format",
            Kind::Choice(CertificateFormat::NAMES),
            "`escaped-pem` (nginx's `$ssl_client_escaped_cert`), `rfc9440` (`Client-Cert`, `Client-Cert-Chain`), `xfcc` (Envoy; \
             `Cert` or `Chain` must be in it), `base64-der` (Traefik's PEM, Caddy's `certificate_der_base64`), `spaced-pem` \
             (Caddy's `certificate_pem`).",
        ),
        Field::optional(
            "header",
            Kind::Text,
            "Where it stands. By default, in the order of the formats: `X-Original-Client-Cert`, `Client-Cert`, \
             `X-Forwarded-Client-Cert`, `X-Forwarded-Tls-Client-Cert`, `X-Client-Cert`.",
        ),
        Field::required(
            "by",
            Kind::TEXTS,
            "Who judges it: `certificate.NAME`. The verdict in headers is that of the first by whom it holds, else of the first.",
        ),
    ],
};

const TRUSTED_SECRET: Table = Table {
    doc: "A secret shared with the proxy in front, compared in constant time.",
    fields: &[
        Field::required(
            "header",
            Kind::Text,
            "The header that carries it. It is never forwarded.",
        ),
        Field::required("value", Kind::Secret, "The secret, at least 16 bytes."),
    ],
};
