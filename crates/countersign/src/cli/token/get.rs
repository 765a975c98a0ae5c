//! Gets an access token for a site, as any device with a certificate does (RFC 6749 section 4.4, RFC 8705, RFC 8707).

use super::shown::harmless;
use crate::config::{Environment, scalar};
use crate::output::Output;
use crate::run;
use asked::{Asking, Refused};
use countersign_edge::http_client::{Identity, NetworkClient};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use url::Url;

mod asked;

/// For which site, and by which certificate.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Args {
    /// The site: its origin, or any address of it.
    #[arg(long, value_name = "URL")]
    resource: String,
    /// The client certificate, with its chain (PEM).
    #[arg(long, value_name = "FILE")]
    cert: PathBuf,
    /// Its key (PEM, without a passphrase).
    #[arg(long, value_name = "FILE")]
    key: PathBuf,
    /// The OpenID Provider. Otherwise the site is asked where it sends people to log in.
    #[arg(long, value_name = "URL")]
    issuer: Option<String>,
    /// A name, where the provider's operator has registered one for this certificate.
    #[arg(long, value_name = "NAME")]
    client_id: Option<String>,
    /// How long the token is to hold, where that is less than usual: 30s, 5m.
    #[arg(long, value_name = "TIME")]
    expires_in: Option<String>,
    /// The authorities (PEM) that vouch for the provider and the site. Otherwise the system's.
    #[arg(long, value_name = "FILE")]
    ca: Option<PathBuf>,
    /// The whole answer, one JSON object: `access_token`, `token_type`, `expires_in`.
    #[arg(long)]
    json: bool,
}

/// Gets it. Whether the provider gave one, or why it could not be asked.
pub(super) fn run(args: &Args, environment: &Environment, out: &mut Output) -> Result<bool, String> {
    let resource = origin(&args.resource, "--resource")?;
    let issuer = args.issuer.as_deref().map(|text| origin(text, "--issuer"));
    let issuer = issuer.transpose()?;
    let expires_in = args.expires_in.as_deref().map(seconds).transpose()?;
    let asking = Asking {
        site: client(environment)?,
        provider: client(environment)?.showing(identity(args, environment)?),
        authorities: authorities(args.ca.as_deref(), environment)?,
    };
    let mut form = vec![("grant_type", "client_credentials"), ("resource", &resource)];
    form.extend(args.client_id.as_deref().map(|id| ("client_id", id)));
    form.extend(expires_in.as_deref().map(|seconds| ("expires_in", seconds)));
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| error.to_string())?;
    let answer = runtime.block_on(async {
        let issuer = match issuer {
            Some(issuer) => issuer,
            None => asking.issuer_of(&resource).await?,
        };
        let endpoint = asking.token_endpoint(&issuer).await?;
        asking.token(&endpoint, &form).await
    })?;
    match answer {
        Ok(answer) if args.json => out.line(&answer.whole),
        Ok(answer) => out.line(&answer.token),
        Err(refused) => {
            tell(&refused, out);
            return Ok(false);
        }
    }
    Ok(true)
}

fn tell(refused: &Refused, out: &mut Output) {
    let description = harmless(&refused.description);
    out.error_line(&format!("{}: {description}", harmless(&refused.error)));
    let help = match &*refused.error {
        "invalid_client" => {
            "the provider takes certificates of the authorities in its `certificates`, where its host asks for one: `countersign \
             certificate inspect FILE` shows whose this is, and until when it holds"
        }
        "invalid_target" => {
            "--resource is one of the provider's `sites`, and its rules let this certificate in there"
        }
        "unauthorized_client" => "leave --client-id out, or register it with `certificate_subject`",
        _ => "the provider's log says more, under the reason tokens_refused",
    };
    out.error_line(&format!("help: {help}"));
}

/// The origin of a URL, as sites are called.
fn origin(text: &str, option: &str) -> Result<String, String> {
    let url = Url::parse(text).ok().filter(|url| url.scheme() == "https");
    let url = url.ok_or_else(|| {
        format!("{option} {text:?} is not a URL of https: {option} https://app.home.example")
    })?;
    Ok(url.origin().ascii_serialization())
}

fn seconds(text: &str) -> Result<String, String> {
    let time = scalar::duration(text).filter(|time| *time >= Duration::from_secs(1));
    let time =
        time.ok_or_else(|| format!("--expires-in {text:?} is not a time of a second or more: 30s, 5m"))?;
    Ok(time.as_secs().to_string())
}

fn client(environment: &Environment) -> Result<NetworkClient, String> {
    NetworkClient::new(run::proxies(environment))
}

fn identity(args: &Args, environment: &Environment) -> Result<Identity, String> {
    let certificate = environment.whole(&args.cert)?;
    let key = environment.whole(&args.key)?;
    Identity::from_pem(&certificate, &key).map_err(|error| {
        let (cert, key) = (args.cert.display(), args.key.display());
        format!("--cert {cert} --key {key}: {error}")
    })
}

fn authorities(path: Option<&Path>, environment: &Environment) -> Result<Option<Arc<[u8]>>, String> {
    let bytes = path.map(|path| environment.whole(path)).transpose()?;
    Ok(bytes.map(Arc::from))
}
