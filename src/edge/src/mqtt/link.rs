//! The connection with a broker. One thread holds it; whoever sends never waits.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use rumqttc::{Client, Connection, Event, LastWill, MqttOptions, NetworkOptions, Packet, QoS};
use serde::Serialize;

use crate::clock::Clock;
use crate::config::{Login, MqttSpec};
use crate::error::WithCauses;

/// Messages that may wait: those of a minute at eight parts a second.
const WAITING_MAX: usize = 512;
/// Messages that the broker has not acknowledged.
const IN_FLIGHT_MAX: u16 = 64;
/// Longest packet of a broker, which has to say nothing but yes or no, and of ours.
const INCOMING_BYTES_MAX: usize = 1_024;
const OUTGOING_BYTES_MAX: usize = 64 * 1_024;
/// After so long without a word the broker is asked whether it lives, and takes the station for gone in
/// one and a half times that.
const KEEP_ALIVE: Duration = Duration::from_secs(20);
/// Wait before the first new attempt to connect; doubles with each one ...
const WAIT: Duration = Duration::from_millis(500);
/// ... up to this.
const WAIT_MAX: Duration = Duration::from_secs(60);

/// A connection that is there or is being looked for.
pub(super) struct Link {
    client: Client,
    is_connected: Arc<AtomicBool>,
}

impl Link {
    /// `online` is the topic on which the station says that it is there, and the broker that it is gone.
    pub(super) fn start(spec: &MqttSpec, online: String) -> Self {
        let (client, connection) = Client::new(options(spec, &online), WAITING_MAX);
        let is_connected = Arc::new(AtomicBool::new(false));
        let thread = Thread {
            broker: format!("{}:{}", spec.host, spec.port),
            client: client.clone(),
            online,
            is_connected: Arc::clone(&is_connected),
        };
        std::thread::spawn(move || thread.run(connection));
        Self {
            client,
            is_connected,
        }
    }

    /// Lets a message wait to be sent; whether there was room for it.
    pub(super) fn send(&self, topic: &str, retain: bool, message: &impl Serialize) -> bool {
        match serde_json::to_vec(message) {
            Ok(payload) => self
                .client
                .try_publish(topic, QoS::AtLeastOnce, retain, payload)
                .is_ok(),
            Err(error) => {
                log::warn!("a message for the MQTT broker: {error}");
                false
            }
        }
    }

    pub(super) fn is_connected(&self) -> bool {
        self.is_connected.load(Ordering::Relaxed)
    }
}

fn options(spec: &MqttSpec, online: &str) -> MqttOptions {
    let mut options = MqttOptions::new(&spec.client_id, &spec.host, spec.port);
    options
        .set_keep_alive(KEEP_ALIVE)
        // What was under way when the connection broke is sent again, if the broker remembers.
        .set_clean_session(false)
        .set_inflight(IN_FLIGHT_MAX)
        .set_max_packet_size(INCOMING_BYTES_MAX, OUTGOING_BYTES_MAX)
        .set_last_will(LastWill::new(online, "false", QoS::AtLeastOnce, true));
    if let Some(login) = &spec.login {
        options.set_credentials(&login.user, password(login));
    }
    options
}

/// Empty if it can't be read: the broker will say no, and the log says why.
fn password(login: &Login) -> String {
    let Some(file) = &login.password_file else {
        return String::new();
    };
    match fs_err::read_to_string(file) {
        Ok(text) => text.lines().next().unwrap_or_default().to_owned(),
        Err(error) => {
            log::warn!("mqtt.password_file: {error}");
            String::new()
        }
    }
}

struct Thread {
    broker: String,
    client: Client,
    online: String,
    is_connected: Arc<AtomicBool>,
}

impl Thread {
    fn run(self, mut connection: Connection) {
        let mut network = NetworkOptions::new();
        network.set_connection_timeout(10);
        connection.eventloop.set_network_options(network);
        let clock = Clock::start();
        let mut wait = WAIT;
        for event in connection.iter() {
            match event {
                Ok(Event::Incoming(Packet::ConnAck(_))) => {
                    log::info!("MQTT broker {} is there", self.broker);
                    self.is_connected.store(true, Ordering::Relaxed);
                    wait = WAIT;
                    let said =
                        self.client
                            .try_publish(&self.online, QoS::AtLeastOnce, true, "true");
                    if said.is_err() {
                        log::debug!("no room for a word to the MQTT broker");
                    }
                }
                Ok(_) => {}
                Err(error) => {
                    // Once for each time that it goes.
                    if self.is_connected.swap(false, Ordering::Relaxed) || wait == WAIT {
                        log::warn!("MQTT broker {}: {}", self.broker, WithCauses(&error));
                    }
                    clock.wait(wait);
                    wait = (2 * wait).min(WAIT_MAX);
                }
            }
        }
    }
}
