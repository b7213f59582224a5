//! Area under the per-region overlap curve up to a limit (PRO: Bergmann et al., "The MVTec Anomaly
//! Detection Dataset", IJCV 2021).

/// The area under a polyline that starts in (0, 0) and rises to the right, up to a limit.
///
/// The abscissa is the share of defect-free pixels above the threshold, the ordinate the mean
/// covered share of the regions.
#[derive(Debug)]
pub(super) struct LimitedArea {
    limit: f64,
    area: f64,
    last: (f64, f64),
    complete: bool,
}

impl LimitedArea {
    /// An area from 0 to `limit`, in (0, 1].
    pub(super) fn up_to(limit: f64) -> Self {
        Self {
            limit,
            area: 0.0,
            last: (0.0, 0.0),
            complete: false,
        }
    }

    /// Goes on to the next point, which lies not to the left of the last one.
    pub(super) fn extend(&mut self, x: f64, y: f64) {
        if self.complete {
            return;
        }
        let (x0, y0) = self.last;
        let (x1, y1) = if x <= self.limit {
            (x, y)
        } else {
            self.complete = true;
            let share = (self.limit - x0) / (x - x0);
            (self.limit, y0 + share * (y - y0))
        };
        self.area += 0.5 * (x1 - x0) * (y0 + y1);
        self.last = (x1, y1);
    }

    /// The area over the limit: 1 for a curve that is 1 from the start.
    pub(super) fn normalised(&self) -> f64 {
        self.area / self.limit
    }
}
