// The steps of the workflow that the bench runs on both sides, in a process of its own. They do nothing, so that what is measured is
// what makes them durable. Prints one JSON line with the ports, and ends when its standard input does.
import http from 'node:http'
import http2 from 'node:http2'

// The SDK wants a newer Node; this is all it misses.
Promise.withResolvers ??= () => {
  const it = {}
  it.promise = new Promise((resolve, reject) => Object.assign(it, { resolve, reject }))
  return it
}
const restate = await import('@restatedev/restate-sdk')

/** One step of the five. */
const step = number => ({ step: number, done: true })

// Interlock's runner asks for each step: PUT /steps/<number>.
const steps = http.createServer((request, response) => {
  const number = Number(request.url.split('/')[2])
  request.resume().on('end', () => {
    response.writeHead(200, { 'content-type': 'application/json' })
    response.end(JSON.stringify(step(number)))
  })
})
steps.keepAliveTimeout = 60_000

// Restate calls the handler once, over HTTP/2, and writes down what each step gave before the next one begins.
const flow = restate.service({
  name: 'flow',
  handlers: {
    run: async ctx => {
      let last
      for (let number = 1; number <= 5; number++) last = await ctx.run(`step-${number}`, () => step(number))
      return last
    },
  },
})
const endpoint = http2.createServer(restate.createEndpointHandler({ services: [flow], logger: () => {} }))

const listening = server => new Promise(done => server.listen(0, '127.0.0.1', () => done(server.address().port)))
console.log(JSON.stringify({ steps: await listening(steps), restate: await listening(endpoint) }))
process.stdin.resume().on('end', () => process.exit(0))
