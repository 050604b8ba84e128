import { Journeys } from './lib/check.mjs'
import { House } from './lib/house.mjs'
import { only } from './lib/options.mjs'
import { criteria } from './journeys/criteria.mjs'
import { doors } from './journeys/doors.mjs'
import { keyboard } from './journeys/keyboard.mjs'
import { pages } from './journeys/pages.mjs'
import { release } from './journeys/release.mjs'

const journeys = new Journeys(only)
for (const tell of [doors, release, criteria, keyboard, pages]) tell(journeys)

const house = await House.open()
// Names are never used twice, so that the journeys can be gone through again with the same data.
const good = await journeys.run(house, { name: `web-${Date.now().toString(36)}` }).finally(() => house.close())
process.exitCode = good ? 0 : 1
