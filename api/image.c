// Formats of images by their first bytes, and where each says how large it is. Invariant: nothing is read
// behind the end, whatever the lengths inside say. What is served is told as one of four types whatever the
// rest of the bytes is, so only as much is checked as the size needs, and for PNG that it is whole.
//
// PNG: ISO/IEC 15948; JPEG: ITU T.81, annex B; GIF: CompuServe 89a; WebP: RFC 9649.

#include "api/image.h"

#include <string.h>

static bool begins(struct slice bytes, const char *with, size_t len)
{
    return bytes.len >= len && memcmp(bytes.data, with, len) == 0;
}

static uint32_t byte_at(struct slice bytes, size_t at)
{
    return (unsigned char)bytes.data[at];
}

static uint32_t big_16(struct slice bytes, size_t at)
{
    return byte_at(bytes, at) << 8 | byte_at(bytes, at + 1);
}

static uint32_t big_32(struct slice bytes, size_t at)
{
    return big_16(bytes, at) << 16 | big_16(bytes, at + 2);
}

static uint32_t little_16(struct slice bytes, size_t at)
{
    return byte_at(bytes, at) | byte_at(bytes, at + 1) << 8;
}

static uint32_t little_24(struct slice bytes, size_t at)
{
    return little_16(bytes, at) | byte_at(bytes, at + 2) << 16;
}

static uint32_t little_32(struct slice bytes, size_t at)
{
    return little_16(bytes, at) | little_16(bytes, at + 2) << 16;
}

// --- PNG: signature, then chunks of length, type, data, checksum. IHDR is the first, IEND the last.

#define PNG_SIGNATURE       "\x89PNG\r\n\x1a\n"
#define PNG_SIGNATURE_BYTES 8
#define PNG_CHUNK_BYTES     12 // without its data
#define PNG_HEADER_BYTES    13

static int png_measure(struct slice bytes, struct image *image)
{
    size_t at = PNG_SIGNATURE_BYTES;

    if (bytes.len < at + PNG_CHUNK_BYTES + PNG_HEADER_BYTES || big_32(bytes, at) != PNG_HEADER_BYTES ||
        memcmp(bytes.data + at + 4, "IHDR", 4) != 0)
        return IMAGE_BROKEN;
    image->width = big_32(bytes, at + 8);
    image->height = big_32(bytes, at + 12);
    while (bytes.len - at >= PNG_CHUNK_BYTES && big_32(bytes, at) <= bytes.len - at - PNG_CHUNK_BYTES) {
        bool is_end = memcmp(bytes.data + at + 4, "IEND", 4) == 0;
        at += PNG_CHUNK_BYTES + big_32(bytes, at);
        if (is_end)
            return at == bytes.len ? 0 : IMAGE_BROKEN;
    }
    return IMAGE_BROKEN;
}

// --- JPEG: segments of 0xff, marker, length, data, up to the first frame header.

#define JPEG_FRAME_BYTES 7 // length, precision, height, width

static bool is_frame_header(uint32_t marker)
{
    return marker >= 0xc0 && marker <= 0xcf && marker != 0xc4 && marker != 0xc8 && marker != 0xcc;
}

static bool has_no_data(uint32_t marker)
{
    return marker == 0x01 || (marker >= 0xd0 && marker <= 0xd9);
}

static int jpeg_measure(struct slice bytes, struct image *image)
{
    size_t at = 2;

    while (bytes.len - at >= 2 && byte_at(bytes, at) == 0xff) {
        uint32_t marker = byte_at(bytes, at + 1);
        if (marker == 0xff) { // fill
            at++;
            continue;
        }
        at += 2;
        if (has_no_data(marker))
            continue;
        if (bytes.len - at < 2 || big_16(bytes, at) < 2 || big_16(bytes, at) > bytes.len - at)
            break;
        if (is_frame_header(marker)) {
            if (big_16(bytes, at) < JPEG_FRAME_BYTES)
                break;
            image->height = big_16(bytes, at + 3);
            image->width = big_16(bytes, at + 5);
            return 0;
        }
        at += big_16(bytes, at);
    }
    return IMAGE_BROKEN;
}

// --- GIF: the logical screen behind the signature.

static int gif_measure(struct slice bytes, struct image *image)
{
    if (bytes.len < 13)
        return IMAGE_BROKEN;
    image->width = little_16(bytes, 6);
    image->height = little_16(bytes, 8);
    return 0;
}

// --- WebP: RIFF with one of three first chunks.

#define WEBP_DATA 20 // behind "RIFF", size, "WEBP", chunk's name and size

static int webp_measure(struct slice bytes, struct image *image)
{
    if (bytes.len < WEBP_DATA + 10 || little_32(bytes, 4) > bytes.len - 8)
        return IMAGE_BROKEN;
    if (memcmp(bytes.data + 12, "VP8X", 4) == 0) {
        image->width = little_24(bytes, WEBP_DATA + 4) + 1;
        image->height = little_24(bytes, WEBP_DATA + 7) + 1;
        return 0;
    }
    if (memcmp(bytes.data + 12, "VP8L", 4) == 0 && byte_at(bytes, WEBP_DATA) == 0x2f) {
        uint32_t sides = little_32(bytes, WEBP_DATA + 1);
        image->width = (sides & 0x3fff) + 1;
        image->height = (sides >> 14 & 0x3fff) + 1;
        return 0;
    }
    if (memcmp(bytes.data + 12, "VP8 ", 4) == 0 &&
        memcmp(bytes.data + WEBP_DATA + 3, "\x9d\x01\x2a", 3) == 0) {
        image->width = little_16(bytes, WEBP_DATA + 6) & 0x3fff;
        image->height = little_16(bytes, WEBP_DATA + 8) & 0x3fff;
        return 0;
    }
    return IMAGE_BROKEN;
}

static int format_measure(struct slice bytes, struct image *image)
{
    if (begins(bytes, PNG_SIGNATURE, PNG_SIGNATURE_BYTES)) {
        image->format = IMAGE_PNG;
        return png_measure(bytes, image);
    }
    if (begins(bytes, "\xff\xd8\xff", 3)) {
        image->format = IMAGE_JPEG;
        return jpeg_measure(bytes, image);
    }
    if (begins(bytes, "GIF87a", 6) || begins(bytes, "GIF89a", 6)) {
        image->format = IMAGE_GIF;
        return gif_measure(bytes, image);
    }
    if (begins(bytes, "RIFF", 4) && bytes.len >= 12 && memcmp(bytes.data + 8, "WEBP", 4) == 0) {
        image->format = IMAGE_WEBP;
        return webp_measure(bytes, image);
    }
    return IMAGE_UNKNOWN;
}

int image_measure(struct slice bytes, struct image *image)
{
    int result = format_measure(bytes, image);

    if (result != 0)
        return result;
    bool fits = image->width >= 1 && image->width <= IMAGE_SIDE_MAX && image->height >= 1 &&
                image->height <= IMAGE_SIDE_MAX;
    return fits ? 0 : IMAGE_LARGE;
}

const char *image_media_type(enum image_format format)
{
    static const char *const types[] = {[IMAGE_PNG] = "image/png",
                                        [IMAGE_JPEG] = "image/jpeg",
                                        [IMAGE_GIF] = "image/gif",
                                        [IMAGE_WEBP] = "image/webp"};
    return types[format];
}

const char *image_extension(enum image_format format)
{
    static const char *const names[] = {
        [IMAGE_PNG] = "png", [IMAGE_JPEG] = "jpg", [IMAGE_GIF] = "gif", [IMAGE_WEBP] = "webp"};
    return names[format];
}
