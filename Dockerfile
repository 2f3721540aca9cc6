# One executable in an image without a shell: docker build -t tidegate . && docker run -p 8080:8080 -v ./tidegate.yaml:/data/tidegate.yaml tidegate
FROM denoland/deno:2.9.6 AS build
WORKDIR /app
COPY deno.json deno.lock main.ts ./
COPY src ./src
COPY tools ./tools
RUN deno task compile && mkdir -p /empty

FROM gcr.io/distroless/cc-debian12:nonroot
COPY --from=build /app/dist/tidegate /usr/local/bin/tidegate
# The durable embedded log, when it is configured, needs a folder that this user may write.
COPY --from=build --chown=nonroot:nonroot /empty /data
WORKDIR /data
VOLUME /data
# Inside a container the loopback interface is nobody's.
ENV TIDEGATE_SERVER_HOST=0.0.0.0
USER nonroot
EXPOSE 8080
ENTRYPOINT ["/usr/local/bin/tidegate"]
CMD ["serve"]
