//! A bar with the loss and the time left, on a terminal; elsewhere a line every ten seconds.

use std::io::IsTerminal as _;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};

/// Time between two lines off a terminal.
const LINE_EVERY: Duration = Duration::from_secs(10);

/// Progress of one piece of work.
pub(crate) struct Progress {
    bar: ProgressBar,
    name: String,
    line: Mutex<Instant>,
    smooth: Option<f32>,
}

impl Progress {
    pub(crate) fn new(name: &str, steps: u64) -> Self {
        let bar = if std::io::stderr().is_terminal() {
            let form = "{prefix:14} [{bar:30}] {pos}/{len} {msg} {eta} left";
            let style =
                ProgressStyle::with_template(form).unwrap_or_else(|_| ProgressStyle::default_bar());
            ProgressBar::new(steps)
                .with_style(style)
                .with_prefix(name.to_owned())
        } else {
            ProgressBar::with_draw_target(Some(steps), indicatif::ProgressDrawTarget::hidden())
        };
        Self {
            bar,
            name: name.to_owned(),
            line: Mutex::new(Instant::now()),
            smooth: None,
        }
    }

    /// One more, from any thread.
    pub(crate) fn step(&self) {
        self.bar.inc(1);
        self.tell("");
    }

    /// So many steps, with the last one's loss; shown is a running mean.
    pub(crate) fn loss(&mut self, step: u64, loss: f32) {
        let mean = self.smooth.map_or(loss, |mean| 0.95 * mean + 0.05 * loss);
        self.smooth = Some(mean);
        let message = format!("loss {mean:.4}");
        self.bar.set_position(step);
        self.bar.set_message(message.clone());
        self.tell(&format!(", {message}"));
    }

    pub(crate) fn finish(&self) {
        self.bar.finish();
    }

    fn tell(&self, message: &str) {
        if !self.bar.is_hidden() {
            return;
        }
        let Ok(mut line) = self.line.try_lock() else {
            return;
        };
        if line.elapsed() >= LINE_EVERY {
            *line = Instant::now();
            let (done, all) = (self.bar.position(), self.bar.length().unwrap_or(0));
            log::info!(
                "{}: {done} of {all}{message}, {} s left",
                self.name,
                self.bar.eta().as_secs()
            );
        }
    }
}
