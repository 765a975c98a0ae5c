//! The connection to Redis: one, shared by all who ask; made when it is needed, forgotten when it fails.

use super::address::Address;
use super::settings::Place;
use countersign_core::session::StoreError;
use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, Cmd, FromRedisValue, RedisConnectionInfo, RedisError, ScriptInvocation};
use std::fmt;
use std::io;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, UnixStream};

/// How long an answer may take, connecting included.
const ANSWER: Duration = Duration::from_secs(1);

/// Asks Redis.
pub(super) struct Link {
    place: Place,
    slot: Arc<Slot>,
    /// Held by the one who connects.
    connecting: tokio::sync::Mutex<()>,
}

/// The connection, and its number: each has a greater one.
#[derive(Default)]
struct Slot(Mutex<(u64, Option<MultiplexedConnection>)>);

impl Slot {
    fn current(&self) -> Option<(u64, MultiplexedConnection)> {
        let held = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        held.1.clone().map(|connection| (held.0, connection))
    }

    fn fill(&self, connection: MultiplexedConnection) -> u64 {
        let mut held = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *held = (held.0 + 1, Some(connection));
        held.0
    }

    /// Forgets this connection, unless there is a later one.
    fn forget(&self, number: u64) {
        let mut held = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if held.0 == number {
            held.1 = None;
        }
    }
}

impl fmt::Debug for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "Link({}, database {})",
            self.place.address, self.place.database
        )
    }
}

/// Why there is no answer.
enum Failure {
    /// The server or the way to it said so.
    Redis(RedisError),
    /// No connection could be made.
    Connecting(String),
}

impl From<RedisError> for Failure {
    fn from(error: RedisError) -> Self {
        Self::Redis(error)
    }
}

impl Link {
    /// Nobody is connected to yet.
    pub(super) fn new(place: Place) -> Self {
        Self {
            place,
            slot: Arc::default(),
            connecting: tokio::sync::Mutex::default(),
        }
    }

    /// Runs a script.
    pub(super) async fn run<T: FromRedisValue>(
        &self,
        script: &ScriptInvocation<'_>,
    ) -> Result<T, StoreError> {
        self.exchange(async |connection| script.invoke_async(connection).await)
            .await
    }

    /// Asks one command.
    pub(super) async fn ask<T: FromRedisValue>(&self, command: &Cmd) -> Result<T, StoreError> {
        self.exchange(async |connection| command.query_async(connection).await)
            .await
    }

    async fn exchange<T>(
        &self,
        work: impl AsyncFnOnce(&mut MultiplexedConnection) -> Result<T, RedisError>,
    ) -> Result<T, StoreError> {
        let mut used = None;
        let asked = async {
            let (number, mut connection) = self.connection().await?;
            used = Some(number);
            work(&mut connection).await.map_err(Failure::Redis)
        };
        let answer = tokio::time::timeout(ANSWER, asked).await;
        let broken = match &answer {
            Ok(Ok(_) | Err(Failure::Connecting(_))) => false,
            // A server that only reads is no longer the first of its kind: another has its name by now.
            Ok(Err(Failure::Redis(error))) => {
                error.is_unrecoverable_error() || error.code() == Some("READONLY")
            }
            Err(_) => true,
        };
        if let Some(number) = used.filter(|_| broken) {
            self.slot.forget(number);
        }
        match answer {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(failure)) => Err(self.told(failure)),
            Err(_) => Err(self.unavailable(format_args!("no answer within {} s", ANSWER.as_secs()))),
        }
    }

    fn told(&self, failure: Failure) -> StoreError {
        match failure {
            Failure::Redis(error) if error.code() == Some("OOM") => StoreError::Full(format!(
                "Redis at {} has no memory left: raise its maxmemory",
                self.place.address
            )),
            Failure::Redis(error) => self.unavailable(error),
            Failure::Connecting(why) => self.unavailable(why),
        }
    }

    fn unavailable(&self, why: impl fmt::Display) -> StoreError {
        StoreError::Unavailable(format!("Redis at {}: {why}", self.place.address))
    }

    /// The connection there is, or a new one. Of many who need it one makes it.
    async fn connection(&self) -> Result<(u64, MultiplexedConnection), Failure> {
        if let Some(current) = self.slot.current() {
            return Ok(current);
        }
        let _turn = self.connecting.lock().await;
        if let Some(current) = self.slot.current() {
            return Ok(current);
        }
        let failed = |error: io::Error| Failure::Connecting(error.to_string());
        let place = &self.place;
        let (host, port) = match &place.address {
            Address::Socket(path) => {
                let stream = UnixStream::connect(path)
                    .await
                    .map_err(|error| socket_failed(&error))?;
                return self.greeted(stream).await;
            }
            Address::Network { host, port, .. } => (host.as_str(), *port),
        };
        let stream = TcpStream::connect((host, port)).await.map_err(failed)?;
        stream.set_nodelay(true).map_err(failed)?;
        match &place.tls {
            None => self.greeted(stream).await,
            Some((connector, name)) => {
                let stream = connector.connect(name.clone(), stream).await.map_err(failed)?;
                self.greeted(stream).await
            }
        }
    }

    /// Says who we are, and to which database.
    async fn greeted(
        &self,
        stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    ) -> Result<(u64, MultiplexedConnection), Failure> {
        let place = &self.place;
        let mut info = RedisConnectionInfo::default()
            .set_db(i64::from(place.database))
            .set_skip_set_lib_name();
        if let Some(username) = &place.username {
            info = info.set_username(username);
        }
        if let Some(password) = &place.password {
            info = info.set_password(password.expose());
        }
        // All that is waited for here is waited for together, in `exchange`.
        let config = AsyncConnectionConfig::new().set_response_timeout(None);
        let (connection, driver) = MultiplexedConnection::new_with_config(&info, stream, config).await?;
        let number = self.slot.fill(connection.clone());
        // Not the slot itself: it has the connection, whose end the driver waits for.
        let slot = Arc::downgrade(&self.slot);
        drop(tokio::spawn(async move {
            driver.await;
            Weak::upgrade(&slot).inspect(|slot| slot.forget(number));
        }));
        Ok((number, connection))
    }
}

/// Why a socket does not open, and what to do where that is the gateway's own user.
fn socket_failed(error: &io::Error) -> Failure {
    let denied = error.kind() == io::ErrorKind::PermissionDenied;
    let advice = if denied {
        ": the user of the gateway belongs into the group of the socket"
    } else {
        ""
    };
    Failure::Connecting(format!("{error}{advice}"))
}
