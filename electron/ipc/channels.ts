/** The two names on the wire between the window and us. Nothing else is ever sent. */
export const ASK_CHANNEL = 'portico:ask'
export const CHANGE_CHANNEL = 'portico:change'
