/** A text where Go has `[]byte`: JSON carries those as base64. */
export const goBytes = (text: string): string => Buffer.from(text, 'utf8').toString('base64')

/** The same for a key or certificate in a line of its own. An absent one stays empty. */
export const goLine = (text: string): string => goBytes(text === '' || text.endsWith('\n') ? text : `${text}\n`)
