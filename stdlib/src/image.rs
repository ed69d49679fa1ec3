//! The natives of the module `image`: PNG and JPEG files to pixels and back, and scaling. The cargo feature `image` brings them.
//!
//! Files come from anywhere: size and memory are bounded before anything is allocated for the pixels, and what is broken is a
//! `ValueError` that names the format. Decoding, scaling and encoding count as time outside the VM, so no other heap's collection
//! waits for them; what they read is copied or belongs to this thread's heap.

use crate::args;
use crate::file::blocking;
use crate::{list, receiver};
use corella_vm::class::ErrorClass;
use corella_vm::error::{Control, Outcome};
use corella_vm::native::NativeRow;
use corella_vm::object::string;
use corella_vm::object::typed::{self, Element};
use corella_vm::thread::Thread;
use corella_vm::value::Value;
use image::{DynamicImage, ImageDecoder, ImageError, ImageFormat, ImageReader, Limits, RgbImage, imageops};
use std::error::Error;
use std::io::Cursor;
use std::sync::atomic::{AtomicU64, Ordering};

/// The natives of the module. A picture is passed as width, height and pixels.
pub(crate) static ROWS: &[NativeRow] = &[
    ("decode", 1, 1, decode, "Width, height and pixels of a PNG or JPEG file."),
    ("check", 3, 3, check, "Throws unless the pixels are as many as a picture of this size has."),
    ("scale", 5, 5, scale, "The pixels of a picture brought to another size."),
    ("encode_png", 3, 3, encode_png, "A picture as a PNG file."),
];

/// Longest side of a picture.
const MAX_SIDE: u32 = 1 << 14;

/// Most pixels of a picture: twice what common cameras give, in as many words of 8 bytes for each of three colours.
const MAX_PIXELS: u64 = 1 << 25;

/// Bytes of a pixel in the array that scripts see.
const PIXEL_BYTES: u64 = 3 * 8;

/// Bytes that the decoders need for a pixel at most, beside what they give: a progressive JPEG keeps 2 bytes for each
/// coefficient, and a PNG may have four channels of 2 bytes, of which three single ones are made.
const DECODER_BYTES: u64 = 12;

fn refuse(thread: &mut Thread, message: String) -> Control {
    thread.error(ErrorClass::ValueError, message)
}

/// Looks whether there is room for a picture, with so many bytes for each pixel while it is being made.
fn reserve(thread: &mut Thread, pixels: u64, bytes: u64) -> Outcome<()> {
    let bytes = usize::try_from(pixels * bytes).map_err(|_| Control::OutOfMemory)?;
    Ok(thread.heap.reserve_external(bytes)?)
}

/// How many pixels a picture of this size has.
fn area(width: u32, height: u32) -> u64 {
    u64::from(width) * u64::from(height)
}

/// Why a picture of this size is too large, if it is.
fn too_large(width: u32, height: u32) -> Option<String> {
    (width > MAX_SIDE || height > MAX_SIDE || area(width, height) > MAX_PIXELS).then(|| {
        format!(
            "{width} x {height} pixels are too many: at most {MAX_SIDE} on a side and {MAX_PIXELS} in all"
        )
    })
}

/// A side of a picture.
fn side(thread: &mut Thread, method: &str, param: &str, value: Value) -> Outcome<u32> {
    let given = args::int(thread, method, param, value)?;
    match u32::try_from(given) {
        Ok(side @ 1..=MAX_SIDE) => Ok(side),
        _ => {
            let message = format!("{method}: {param} must be between 1 and {MAX_SIDE}, and {given} is not");
            Err(refuse(thread, message))
        }
    }
}

/// The two sides of a picture that is not too large.
fn size(thread: &mut Thread, method: &str, width: Value, height: Value) -> Outcome<(u32, u32)> {
    let (width, height) = (side(thread, method, "width", width)?, side(thread, method, "height", height)?);
    match too_large(width, height) {
        Some(reason) => Err(refuse(thread, format!("{method}: {reason}"))),
        None => Ok((width, height)),
    }
}

/// What the decoder says, in one line and without the words that the message around it has already.
fn reason(error: &ImageError) -> String {
    let said = match error {
        ImageError::Decoding(inner) => inner.source().map_or_else(|| error.to_string(), ToString::to_string),
        _ => error.to_string(),
    };
    said.trim().trim_matches('"').replace('\n', " ")
}

/// PNG or JPEG, by how the file begins.
fn format_of(thread: &mut Thread, bytes: &[u8]) -> Outcome<(ImageFormat, &'static str)> {
    let found = match image::guess_format(bytes) {
        Ok(ImageFormat::Png) => return Ok((ImageFormat::Png, "PNG")),
        Ok(ImageFormat::Jpeg) => return Ok((ImageFormat::Jpeg, "JPEG")),
        Ok(other) => format!("a {} file", format!("{other:?}").to_uppercase()),
        Err(_) => "no picture that is known".to_owned(),
    };
    let message = format!("image.decode: bytes are {found}: only PNG and JPEG files can be decoded");
    Err(refuse(thread, message))
}

fn limits() -> Limits {
    let mut limits = Limits::default();
    limits.max_image_width = Some(MAX_SIDE);
    limits.max_image_height = Some(MAX_SIDE);
    limits.max_alloc = Some(MAX_PIXELS * DECODER_BYTES);
    limits
}

fn decode(thread: &mut Thread, args: &[Value]) -> Outcome {
    const METHOD: &str = "image.decode";
    let Some(bytes) = string::as_bytes(args[0]) else {
        return Err(args::wrong(thread, METHOD, "bytes", "Bytes", args[0]));
    };
    let (format, name) = format_of(thread, bytes)?;
    let broken = |thread: &mut Thread, error: &ImageError| match error {
        ImageError::Limits(_) => {
            let size = format!("at most {MAX_SIDE} pixels on a side and {MAX_PIXELS} in all are read");
            refuse(thread, format!("{METHOD}: the {name} file is too large: {size}"))
        }
        _ => refuse(thread, format!("{METHOD}: the {name} file is broken: {}", reason(error))),
    };
    let mut reader = ImageReader::with_format(Cursor::new(bytes), format);
    reader.limits(limits());
    // Reads the head only.
    let decoder = match reader.into_decoder() {
        Ok(decoder) => decoder,
        Err(error) => return Err(broken(thread, &error)),
    };
    let (width, height) = decoder.dimensions();
    if let Some(reason) = too_large(width, height) {
        return Err(refuse(thread, format!("{METHOD}: the {name} file is too large: {reason}")));
    }
    let pixels = area(width, height);
    reserve(thread, pixels, DECODER_BYTES + PIXEL_BYTES)?;
    thread.charge(pixels);
    match blocking(thread, || DynamicImage::from_decoder(decoder).map(DynamicImage::into_rgb8)) {
        Ok(image) => {
            let pixels = pixels_of(thread, &image)?;
            list(thread, &[Value::int_unchecked(width.into()), Value::int_unchecked(height.into()), pixels])
        }
        Err(error) => Err(broken(thread, &error)),
    }
}

/// The pixels as scripts see them: red, green and blue of each, from left to right and from top to bottom.
fn pixels_of(thread: &mut Thread, image: &RgbImage) -> Outcome {
    let words = image.as_raw().iter().map(|byte| u64::from(*byte));
    Ok(typed::to_value(typed::from_words(&mut thread.heap, Element::Int, words)?))
}

/// Size and pixels of the picture that three arguments are: width, height and pixels, which may lie behind a proxy.
fn parts<'a>(thread: &mut Thread, method: &str, args: &[Value]) -> Outcome<(u32, u32, &'a [AtomicU64])> {
    let (width, height) = size(thread, method, args[0], args[1])?;
    let Some((array, Element::Int)) = receiver::typed(args[2]) else {
        return Err(args::wrong(thread, method, "pixels", "an IntArray", args[2]));
    };
    let words = typed::words_foreign(array);
    let wanted = width as usize * height as usize * 3;
    if words.len() == wanted {
        return Ok((width, height, words));
    }
    let message = format!(
        "{method}: {width} x {height} pixels need {wanted} numbers, three for each, and there are {}",
        words.len()
    );
    Err(refuse(thread, message))
}

/// The picture that three arguments are, copied.
fn picture(thread: &mut Thread, method: &str, args: &[Value]) -> Outcome<RgbImage> {
    let (width, height, words) = parts(thread, method, args)?;
    thread.heap.reserve_external(words.len())?;
    let mut bytes = Vec::with_capacity(words.len());
    for (i, word) in words.iter().enumerate() {
        let word = word.load(Ordering::Relaxed) as i64;
        let Ok(byte) = u8::try_from(word) else {
            let message = format!("{method}: pixels[{i}] must be between 0 and 255, and {word} is not");
            return Err(refuse(thread, message));
        };
        bytes.push(byte);
    }
    thread.charge(bytes.len() as u64 / 8);
    match RgbImage::from_raw(width, height, bytes) {
        Some(image) => Ok(image),
        None => unreachable!("the pixels have been counted"),
    }
}

fn check(thread: &mut Thread, args: &[Value]) -> Outcome {
    parts(thread, "Picture", args)?;
    Ok(Value::NULL)
}

fn scale(thread: &mut Thread, args: &[Value]) -> Outcome {
    const METHOD: &str = "image.scale";
    let (width, height) = size(thread, METHOD, args[3], args[4])?;
    let image = picture(thread, METHOD, args)?;
    let pixels = area(width, height);
    reserve(thread, pixels, 3 + PIXEL_BYTES)?;
    thread.charge(image.as_raw().len() as u64 / 8 + pixels);
    let scaled = blocking(thread, || imageops::thumbnail(&image, width, height));
    pixels_of(thread, &scaled)
}

fn encode_png(thread: &mut Thread, args: &[Value]) -> Outcome {
    const METHOD: &str = "image.encode_png";
    let image = picture(thread, METHOD, args)?;
    // Filtered lines, and the file, which is hardly longer than the pixels.
    reserve(thread, area(image.width(), image.height()), 3 * 3)?;
    thread.charge(image.as_raw().len() as u64 / 2);
    let mut file = Vec::new();
    match blocking(thread, || image.write_to(&mut Cursor::new(&mut file), ImageFormat::Png)) {
        Ok(()) => Ok(string::new_bytes(&mut thread.heap, &file)?),
        Err(error) => Err(refuse(thread, format!("{METHOD}: {error}"))),
    }
}
