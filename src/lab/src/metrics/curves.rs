//! The curves whose areas the figures are, as polylines that a page can draw.

/// A step of a curve that is too small to be drawn, along both axes.
const FINEST: [f64; 2] = [0.0005, 0.002];

/// What a report's areas are areas of. Undefined where the figure is.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Curves {
    /// Share of rejected good parts, share of rejected defective parts, from (0, 0) to (1, 1).
    pub(crate) roc: Option<Vec<[f64; 2]>>,
    /// Share of defect-free pixels above the threshold, mean covered share of the regions, from
    /// (0, 0) to the largest limit of the report's AU-PRO figures.
    pub(crate) pro: Option<Vec<[f64; 2]>>,
}

/// A polyline from (0, 0) up to a limit, without the points that nobody would see.
///
/// Points are dropped where they lie within [`FINEST`] of the one before, so that the area moves
/// by less than the last digit that is shown.
#[derive(Debug)]
pub(super) struct Polyline {
    limit: f64,
    points: Vec<[f64; 2]>,
    /// The last point, dropped or not.
    last: [f64; 2],
    complete: bool,
}

impl Polyline {
    /// A polyline from 0 to `limit`.
    pub(super) fn up_to(limit: f64) -> Self {
        Self {
            limit,
            points: vec![[0.0; 2]],
            last: [0.0; 2],
            complete: false,
        }
    }

    /// Goes on to the next point, which lies neither to the left of the last one nor below it.
    pub(super) fn extend(&mut self, x: f64, y: f64) {
        if self.complete {
            return;
        }
        let [x0, y0] = self.last;
        self.complete = x >= self.limit;
        self.last = if x > self.limit {
            [self.limit, y0 + (self.limit - x0) / (x - x0) * (y - y0)]
        } else {
            [x, y]
        };
        let kept = self.points.last().copied().unwrap_or_default();
        let [across, up] = [self.last[0] - kept[0], self.last[1] - kept[1]];
        if self.complete || across > FINEST[0] || up > FINEST[1] {
            // A long step begins where the curve was, not where it was last drawn.
            let leap = self.last[0] - x0 > FINEST[0] || self.last[1] - y0 > FINEST[1];
            if leap && kept != [x0, y0] {
                self.points.push([x0, y0]);
            }
            self.points.push(self.last);
        }
    }

    /// The points.
    pub(super) fn finish(self) -> Vec<[f64; 2]> {
        self.points
    }
}
