/** The bounds of a template: what may be written, and what one rendering may cost. */

/** Length of one template's source, in UTF-16 units. */
export const maxSourceChars = 65_536
/** How deep tags (if, for, …), or the brackets of a variable, may stand inside each other. */
export const maxNesting = 32
/** How deep a templated value (lists and objects of a payload) may be nested. */
export const maxValueDepth = 64
/** Length of one rendered text, in UTF-16 units. */
export const maxOutputChars = 262_144
/** Pieces (text, outputs, tags, loop rounds) that one rendering may pass through. */
export const maxSteps = 20_000
/** Characters and list items that the filters and loops of one rendering may handle. */
export const maxWork = 4_000_000
/** Length of a topic name in bytes of UTF-8 [MQTT-4.7.3-3]. */
export const maxTopicBytes = 65_535
/** Length of a file's relative path, and of one name in it, in bytes of UTF-8, as common file systems have it. */
export const maxPathBytes = 4_000
export const maxNameBytes = 255
