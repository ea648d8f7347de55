//! Images as tiles: 4×4 inputs, which overlap, and the 2×2 outputs that are computed of them.

use pulp::Simd;

/// Places of a tile.
pub const PLACES: usize = 16;

/// Tiles of images H × W, by image, row and column.
#[derive(Clone, Copy, Debug)]
pub struct Grid {
    /// H, even.
    pub height: usize,
    /// W, even.
    pub width: usize,
}

impl Grid {
    /// How many images have about as many tiles as that; at least one.
    pub fn images_with(self, n_tiles: usize) -> usize {
        (n_tiles / (self.height / 2 * (self.width / 2))).max(1)
    }

    /// Image, and row and column of the upper left output of a tile.
    #[inline(always)]
    fn place(self, tile: usize) -> (usize, usize, usize) {
        let wide = self.width / 2;
        let of_image = self.height / 2 * wide;
        (tile / of_image, tile % of_image / wide * 2, tile % wide * 2)
    }

    /// Which pixel of all images the upper left output of a tile is.
    #[inline(always)]
    pub fn pixel(self, tile: usize) -> usize {
        let (image, row, column) = self.place(tile);
        (image * self.height + row) * self.width + column
    }

    /// Bᵀ d B of a tile of images N × H × W × C: C numbers at each of 16 places. What lies outside of the image is `zeros`, of
    /// which there are C.
    #[inline(always)]
    pub fn take<S: Simd>(self, simd: S, images: &[f32], zeros: &[f32], tile: usize, to: Spread) {
        let Spread { numbers: to, of_place, of_vector } = to;
        let channels = zeros.len();
        let (image, top, left) = self.place(tile);
        let n_vectors = channels / S::F32_LANES;
        let vectors = |numbers| &S::as_simd_f32s(numbers).0[..n_vectors]; // as many of each, so that they are counted once
        let mut pixels = [[vectors(zeros); 4]; 4];
        for (y, row) in pixels.iter_mut().enumerate() {
            let y = top + y; // one more than the row of the image
            if y == 0 || y > self.height {
                continue;
            }
            let row_of_image = (image * self.height + y - 1) * self.width;
            for (x, pixel) in row.iter_mut().enumerate() {
                let x = left + x;
                if x > 0 && x <= self.width {
                    *pixel = vectors(&images[(row_of_image + x - 1) * channels..][..channels]);
                }
            }
        }
        let [first, second, third, fourth] = pixels;
        for vector in 0..n_vectors {
            let column = [first[0][vector], second[0][vector], third[0][vector], fourth[0][vector]];
            let left = by_b(simd, column);
            let column = [first[1][vector], second[1][vector], third[1][vector], fourth[1][vector]];
            let inner_left = by_b(simd, column);
            let column = [first[2][vector], second[2][vector], third[2][vector], fourth[2][vector]];
            let inner_right = by_b(simd, column);
            let column = [first[3][vector], second[3][vector], third[3][vector], fourth[3][vector]];
            let right = by_b(simd, column);
            for y in 0..4 {
                let row = by_b(simd, [left[y], inner_left[y], inner_right[y], right[y]]);
                for (x, number) in row.iter().enumerate() {
                    store::<S>(*number, to, (4 * y + x) * of_place + vector * of_vector);
                }
            }
        }
    }
}

/// Where the numbers of a tile go.
pub struct Spread<'a> {
    /// From its first number on.
    pub numbers: &'a mut [f32],
    /// From one place to the next.
    pub of_place: usize,
    /// From one vector of a place to the next.
    pub of_vector: usize,
}

/// Aᵀ m A of K numbers at each of 16 places, `stride` apart, and biases: the four outputs of a tile.
#[inline(always)]
pub fn give<S: Simd>(simd: S, from: &[f32], stride: usize, biases: &[f32], outputs: [&mut [f32]; 4]) {
    let [a, b, c, d] = outputs;
    for at in (0..biases.len()).step_by(S::F32_LANES) {
        let left = by_a(simd, load_column::<S>(from, 0, stride, at));
        let inner_left = by_a(simd, load_column::<S>(from, 1, stride, at));
        let inner_right = by_a(simd, load_column::<S>(from, 2, stride, at));
        let right = by_a(simd, load_column::<S>(from, 3, stride, at));
        let [upper_left, upper_right] = by_a(simd, [left[0], inner_left[0], inner_right[0], right[0]]);
        let [lower_left, lower_right] = by_a(simd, [left[1], inner_left[1], inner_right[1], right[1]]);
        let bias = load::<S>(biases, at);
        store::<S>(simd.add_f32s(upper_left, bias), a, at);
        store::<S>(simd.add_f32s(upper_right, bias), b, at);
        store::<S>(simd.add_f32s(lower_left, bias), c, at);
        store::<S>(simd.add_f32s(lower_right, bias), d, at);
    }
}

/// A y Aᵀ of the gradients y of a tile's four outputs: K numbers at each of 16 places, `stride` apart. The gradients are
/// added to `sums`, too.
#[inline(always)]
pub fn spread<S: Simd>(simd: S, gradients: [&[f32]; 4], to: &mut [f32], stride: usize, sums: &mut [f32]) {
    for at in (0..sums.len()).step_by(S::F32_LANES) {
        let [a, b, c, d] = gradients;
        let (a, b, c, d) = (load::<S>(a, at), load::<S>(b, at), load::<S>(c, at), load::<S>(d, at));
        let sum = simd.add_f32s(simd.add_f32s(a, b), simd.add_f32s(c, d));
        store::<S>(simd.add_f32s(load::<S>(sums, at), sum), sums, at);
        let (left, right) = (from_a(simd, [a, c]), from_a(simd, [b, d]));
        for y in 0..4 {
            for (x, number) in from_a(simd, [left[y], right[y]]).iter().enumerate() {
                store::<S>(*number, to, (4 * y + x) * stride + at);
            }
        }
    }
}

/// Bᵀ d of a column, or d B of a row.
#[inline(always)]
fn by_b<S: Simd>(simd: S, [a, b, c, d]: [S::f32s; 4]) -> [S::f32s; 4] {
    [simd.sub_f32s(a, c), simd.add_f32s(b, c), simd.sub_f32s(c, b), simd.sub_f32s(b, d)]
}

/// Aᵀ m of a column, or m A of a row.
#[inline(always)]
fn by_a<S: Simd>(simd: S, [a, b, c, d]: [S::f32s; 4]) -> [S::f32s; 2] {
    [simd.add_f32s(a, simd.add_f32s(b, c)), simd.sub_f32s(simd.sub_f32s(b, c), d)]
}

/// A y of a column, or y Aᵀ of a row.
#[inline(always)]
fn from_a<S: Simd>(simd: S, [a, b]: [S::f32s; 2]) -> [S::f32s; 4] {
    [a, simd.add_f32s(a, b), simd.sub_f32s(a, b), simd.sub_f32s(simd.splat_f32s(0.0), b)]
}

/// A column of four places.
#[inline(always)]
fn load_column<S: Simd>(from: &[f32], x: usize, stride: usize, at: usize) -> [S::f32s; 4] {
    load4::<S>(
        [&from[x * stride..], &from[(4 + x) * stride..], &from[(8 + x) * stride..], &from[(12 + x) * stride..]],
        at,
    )
}

#[inline(always)]
fn load4<S: Simd>([a, b, c, d]: [&[f32]; 4], at: usize) -> [S::f32s; 4] {
    [load::<S>(a, at), load::<S>(b, at), load::<S>(c, at), load::<S>(d, at)]
}

#[inline(always)]
fn load<S: Simd>(numbers: &[f32], at: usize) -> S::f32s {
    S::as_simd_f32s(&numbers[at..at + S::F32_LANES]).0[0]
}

#[inline(always)]
fn store<S: Simd>(vector: S::f32s, numbers: &mut [f32], at: usize) {
    S::as_mut_simd_f32s(&mut numbers[at..at + S::F32_LANES]).0[0] = vector;
}
