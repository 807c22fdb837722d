import { expect, test } from 'vitest'
import { textWidth } from '../../../src/core/text-width.ts'
import { failureText } from '../../../src/tools/test/report-text.ts'
