//! Takes connections and lets hyper speak HTTP with them: one thread, and bounds for everything that a client
//! could ask for too much of.

use std::convert::Infallible;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use hyper::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{sleep, timeout};

use super::answer::{Answered, Desk, answer};
use super::host::Hosts;
use super::limits;
use super::poll::Watch;
use super::review::Reviews;
use super::setup::PageSetup;
use crate::error::EdgeError;
use crate::places::Places;

/// Connections at a time; further ones are closed at once. A browser opens six, and each needs a file.
const CONNECTIONS_MAX: usize = 48;
const _: () = assert!(CONNECTIONS_MAX + 32 <= limits::FILES as usize);
/// A request's head has to come within this time, also on a connection that waits for its next one.
const HEAD_MAX: Duration = Duration::from_secs(5);
/// Longest head, and what is read ahead of it.
const HEAD_BYTES_MAX: usize = 16 * 1024;
const FIELDS_MAX: usize = 64;
/// A connection is closed after so long, in the middle of an answer that is read too slowly ...
const LIFE_MAX: Duration = Duration::from_secs(30);
/// ... after so much more.
const GRACE: Duration = Duration::from_secs(2);
/// Wait after a connection could not be accepted: the system is short of something.
const PAUSE: Duration = Duration::from_millis(200);

/// Answers for ever. `said` is told where.
///
/// # Errors
/// [`EdgeError::Page`] if nobody can be answered there.
pub(super) fn serve(
    listen: SocketAddr,
    setup: &PageSetup,
    watch: Arc<Watch>,
    said: impl FnOnce(&str) -> io::Result<()>,
) -> Result<(), EdgeError> {
    let page = |source| EdgeError::Page { listen, source };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_io()
        .enable_time()
        .build()
        .map_err(page)?;
    let desk = Arc::new(Desk {
        hosts: Hosts::new(&setup.hosts),
        watch,
        reviews: setup.marks.as_ref().map(Reviews::start),
    });
    runtime.block_on(async {
        let listener = TcpListener::bind(listen).await.map_err(page)?;
        let url = format!("http://{}/", listener.local_addr().map_err(page)?);
        if said(&url).is_err() {
            log::debug!("nobody wants to know where the page is");
        }
        accept(&listener, &desk).await
    })
}

async fn accept(listener: &TcpListener, desk: &Arc<Desk>) -> ! {
    let places = Places::new(CONNECTIONS_MAX);
    loop {
        let (stream, peer) = match listener.accept().await {
            Ok((stream, peer)) => (stream, peer.ip()),
            Err(error) => {
                log::warn!("accepting a browser: {error}");
                sleep(PAUSE).await;
                continue;
            }
        };
        let Some(place) = places.take() else {
            log::debug!("more browsers than places");
            continue;
        };
        let desk = Arc::clone(desk);
        // It ends by itself, by its limits.
        drop(tokio::spawn(async move {
            converse(stream, peer, &desk).await;
            drop(place);
        }));
    }
}

async fn converse(stream: TcpStream, peer: IpAddr, desk: &Desk) {
    let service = service_fn(|request: Request<Incoming>| {
        let (head, _unread) = request.into_parts();
        let answered = answer(&head, peer, desk);
        async {
            Ok::<_, Infallible>(match answered {
                Answered::Now(answer) => answer,
                Answered::Later(pending) => pending.answer().await,
            })
        }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_MAX)
        .max_header_size(HEAD_BYTES_MAX)
        .max_buf_size(2 * HEAD_BYTES_MAX)
        .max_headers(FIELDS_MAX)
        .serve_connection(TokioIo::new(stream), service);
    let mut connection = pin!(connection);
    let ended = match timeout(LIFE_MAX, connection.as_mut()).await {
        Ok(ended) => ended,
        Err(_) => {
            connection.as_mut().graceful_shutdown();
            match timeout(GRACE, connection).await {
                Ok(ended) => ended,
                Err(_) => return,
            }
        }
    };
    if let Err(error) = ended {
        log::debug!("speaking with a browser: {error}");
    }
}
