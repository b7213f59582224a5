//! The belt as a plane in the camera's frame: taught once by random sampling, refined per frame
//! by a bounded robust fit.

use serde::{Deserialize, Serialize};

/// All points `p` (mm) with `normal . p = offset_mm`; the unit normal points to the camera.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Plane {
    /// Unit vector towards the camera, so its z is negative.
    pub normal: [f64; 3],
    /// Millimetres; negative, as the camera looks along +z.
    pub offset_mm: f64,
}

impl Plane {
    /// Whether the numbers describe a plane in front of a camera.
    pub fn is_usable(&self) -> bool {
        let finite = self.normal.iter().all(|value| value.is_finite());
        finite
            && (norm(self.normal) - 1.0).abs() < 1e-3
            && self.normal[2] < 0.0
            && self.offset_mm.is_finite()
            && self.offset_mm < 0.0
    }

    /// Signed distance of a point in mm, positive towards the camera.
    pub fn height_mm(&self, point: [f64; 3]) -> f64 {
        dot(self.normal, point) - self.offset_mm
    }

    /// Angle to another plane in degrees.
    pub fn angle_deg(&self, other: &Self) -> f64 {
        dot(self.normal, other.normal)
            .clamp(-1.0, 1.0)
            .acos()
            .to_degrees()
    }

    /// The plane through three points, unless they lie on a line.
    fn through([a, b, c]: [[f64; 3]; 3]) -> Option<Self> {
        let normal = cross(sub(b, a), sub(c, a));
        let length = norm(normal);
        if length < 1e-9 {
            return None;
        }
        let towards_camera = if normal[2] > 0.0 { -1.0 } else { 1.0 };
        let normal = normal.map(|value| value / length * towards_camera);
        Some(Self {
            normal,
            offset_mm: dot(normal, a),
        })
    }

    /// Teaches the belt from points (mm) most of which lie on it.
    ///
    /// RANSAC with `draws` triples from a fixed pseudo-random sequence, then the robust fit of
    /// [`refine`] on the winner's inliers. `None` when fewer than a tenth of the points agree on a
    /// plane to within `inlier_mm`.
    pub fn teach(points: &[[f64; 3]], inlier_mm: f64, draws: usize) -> Option<Self> {
        if points.len() < 3 {
            return None;
        }
        // Knuth's MMIX multiplier: the same points always teach the same belt.
        let mut state = 0x9E37_79B9_7F4A_7C15_u64;
        let mut draw = || {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            points[((state >> 33) as usize) % points.len()]
        };
        let inliers = |plane: &Self| {
            points
                .iter()
                .filter(|&&point| plane.height_mm(point).abs() < inlier_mm)
                .count()
        };
        let (count, winner) = (0..draws)
            .filter_map(|_| Self::through([draw(), draw(), draw()]))
            .map(|plane| (inliers(&plane), plane))
            .max_by_key(|(count, _)| *count)?;
        if count * 10 < points.len() {
            return None;
        }
        let near: Vec<_> = points
            .iter()
            .copied()
            .filter(|&p| winner.height_mm(p).abs() < 2.0 * inlier_mm)
            .collect();
        let mut scratch = Vec::with_capacity(near.len());
        Some(refine(&winner, &near, 3 * count / 4, &mut scratch).unwrap_or(winner))
    }
}

/// Iteratively reweighted least squares with Tukey's biweight, started at `start`.
///
/// The scale is 1.4826 times the median absolute residual, the cut 4.685 of that; ten rounds.
/// `None` when fewer than `points_min` points keep a weight, or they don't span a plane.
/// `scratch` keeps its capacity: a caller that hands in the same vector allocates once.
pub fn refine(
    start: &Plane,
    points: &[[f64; 3]],
    points_min: usize,
    scratch: &mut Vec<f64>,
) -> Option<Plane> {
    let mut plane = *start;
    for _ in 0..10 {
        if points.len() < points_min.max(3) {
            return None;
        }
        scratch.clear();
        scratch.extend(points.iter().map(|&point| plane.height_mm(point).abs()));
        let middle = scratch.len() / 2;
        let (_, median, _) = scratch.select_nth_unstable_by(middle, f64::total_cmp);
        // Quantised depth can have a median of zero; a micrometre keeps the weights defined.
        let cut = (4.685 * 1.4826 * *median).max(1e-3);

        let mut sums = NormalEquations::default();
        let mut kept = 0;
        for &point in points {
            let residual = plane.height_mm(point);
            let ratio = residual / cut;
            if ratio.abs() < 1.0 {
                let weight = (1.0 - ratio * ratio).powi(2);
                sums.add(point, residual, weight);
                kept += 1;
            }
        }
        if kept < points_min.max(3) {
            return None;
        }
        let [a, b, c] = sums.solve()?;
        let tilted = [plane.normal[0] - a, plane.normal[1] - b, plane.normal[2]];
        let length = norm(tilted);
        let next = Plane {
            normal: tilted.map(|value| value / length),
            offset_mm: (plane.offset_mm + c) / length,
        };
        let settled = (next.offset_mm - plane.offset_mm).abs() < 1e-6 && a.abs() + b.abs() < 1e-9;
        plane = next;
        if settled {
            break;
        }
    }
    Some(plane)
}

/// Weighted least squares of `residual = a x + b y + c`, centred so that far belts stay well conditioned.
#[derive(Default)]
struct NormalEquations {
    weight: f64,
    x: f64,
    y: f64,
    r: f64,
    xx: f64,
    xy: f64,
    yy: f64,
    xr: f64,
    yr: f64,
}

impl NormalEquations {
    fn add(&mut self, [x, y, _]: [f64; 3], residual: f64, weight: f64) {
        self.weight += weight;
        self.x += weight * x;
        self.y += weight * y;
        self.r += weight * residual;
        self.xx += weight * x * x;
        self.xy += weight * x * y;
        self.yy += weight * y * y;
        self.xr += weight * x * residual;
        self.yr += weight * y * residual;
    }

    fn solve(&self) -> Option<[f64; 3]> {
        let (mx, my, mr) = (
            self.x / self.weight,
            self.y / self.weight,
            self.r / self.weight,
        );
        let (sxx, sxy, syy) = (
            self.xx / self.weight - mx * mx,
            self.xy / self.weight - mx * my,
            self.yy / self.weight - my * my,
        );
        let (sxr, syr) = (
            self.xr / self.weight - mx * mr,
            self.yr / self.weight - my * mr,
        );
        let determinant = sxx * syy - sxy * sxy;
        if !(determinant.is_finite() && determinant > 1e-9 * (sxx + syy).powi(2)) {
            return None;
        }
        let a = (sxr * syy - syr * sxy) / determinant;
        let b = (syr * sxx - sxr * sxy) / determinant;
        Some([a, b, mr - a * mx - b * my])
    }
}

fn dot(a: [f64; 3], b: [f64; 3]) -> f64 {
    a[0] * b[0] + a[1] * b[1] + a[2] * b[2]
}

fn sub(a: [f64; 3], b: [f64; 3]) -> [f64; 3] {
    [a[0] - b[0], a[1] - b[1], a[2] - b[2]]
}

fn cross(a: [f64; 3], b: [f64; 3]) -> [f64; 3] {
    [
        a[1] * b[2] - a[2] * b[1],
        a[2] * b[0] - a[0] * b[2],
        a[0] * b[1] - a[1] * b[0],
    ]
}

fn norm(a: [f64; 3]) -> f64 {
    dot(a, a).sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A belt at 450 mm, tilted by `slope` in x, with every fifth point on a part 12 mm high.
    fn scene(slope: f64) -> Vec<[f64; 3]> {
        let mut points = Vec::new();
        for row in 0..40 {
            for column in 0..40 {
                let (x, y) = (f64::from(column - 20) * 4.0, f64::from(row - 20) * 4.0);
                let noise = f64::from((row * 31 + column * 17) % 11 - 5) * 0.05;
                let part = if (row + column) % 5 == 0 { 12.0 } else { 0.0 };
                points.push([x, y, 450.0 + slope * x + noise - part]);
            }
        }
        points
    }

    #[test]
    fn teaches_a_tilted_belt_in_spite_of_the_part() {
        let belt = Plane::teach(&scene(0.05), 1.0, 500).unwrap();
        assert!(belt.is_usable());
        let expected =
            Plane::through([[0.0, 0.0, 450.0], [1.0, 0.0, 450.05], [0.0, 1.0, 450.0]]).unwrap();
        assert!(
            belt.angle_deg(&expected) < 0.02,
            "{} deg",
            belt.angle_deg(&expected)
        );
        assert!((belt.height_mm([0.0, 0.0, 438.0]) - 12.0).abs() < 0.05);
    }

    #[test]
    fn refining_moves_a_taught_belt_onto_the_frames_own() {
        let start = Plane {
            normal: [0.0, 0.0, -1.0],
            offset_mm: -451.0,
        };
        let found = refine(&start, &scene(0.01), 100, &mut Vec::new()).unwrap();
        assert!((found.height_mm([0.0, 0.0, 450.0])).abs() < 0.05);
        assert!((start.angle_deg(&found) - 0.01_f64.atan().to_degrees()).abs() < 0.02);
    }

    #[test]
    fn points_without_a_plane_teach_none() {
        let line: Vec<_> = (0..50).map(|i| [f64::from(i), 0.0, 450.0]).collect();
        assert_eq!(Plane::teach(&line, 1.0, 200), None);
        assert_eq!(Plane::teach(&[], 1.0, 200), None);
        let start = Plane {
            normal: [0.0, 0.0, -1.0],
            offset_mm: -450.0,
        };
        assert_eq!(refine(&start, &line, 3, &mut Vec::new()), None);
        assert_eq!(
            refine(&start, &scene(0.0), 1_000_000, &mut Vec::new()),
            None
        );
    }
}
