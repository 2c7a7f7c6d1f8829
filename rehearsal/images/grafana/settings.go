package main

import (
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
)

// known are the keys that Grafana has, as far as the program sets them (conf/defaults.ini of v12.4). Grafana takes
// another one without a word, and without an effect; here it is an error.
var known = map[string]string{
	"server":            "http_port root_url",
	"security":          "admin_user admin_password secret_key cookie_secure disable_gravatar",
	"auth":              "disable_signout_menu disable_login_form",
	"auth.basic":        "enabled",
	"auth.anonymous":    "enabled",
	"users":             "allow_sign_up",
	"dashboards":        "default_home_dashboard_path min_refresh_interval",
	"analytics":         "reporting_enabled check_for_updates check_for_plugin_updates feedback_links_enabled",
	"news":              "news_feed_enabled",
	"plugins":           "preinstall_disabled plugin_admin_enabled public_key_retrieval_disabled",
	"snapshots":         "enabled",
	"public_dashboards": "enabled",
	"unified_alerting":  "enabled",
	"live":              "max_connections",
	"metrics":           "enabled",
	"log":               "mode level",
	"log.console":       "format",
}

type settings map[string]map[string]string

func (s settings) of(section, key string) string { return s[section][key] }

var fromFile = regexp.MustCompile(`\$__file\{([^}]+)\}`)

// read reads a configuration: sections, keys, and what `$__file{path}` says, less the space around it.
func read(path string) (settings, error) {
	content, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	found := settings{"server": {"http_port": "3000"}, "security": {"admin_user": "admin", "admin_password": "admin"}}
	section := ""
	for number, line := range strings.Split(string(content), "\n") {
		line = strings.TrimSpace(line)
		key, value, assigned := strings.Cut(line, "=")
		key = strings.TrimSpace(key)
		switch {
		case line == "" || strings.HasPrefix(line, ";") || strings.HasPrefix(line, "#"):
		case strings.HasPrefix(line, "[") && strings.HasSuffix(line, "]"):
			section = strings.Trim(line, "[]")
			if found[section] == nil {
				found[section] = map[string]string{}
			}
		case !assigned:
			return nil, fmt.Errorf("%s:%d: neither a section nor a key: %s", path, number+1, line)
		case !slices.Contains(strings.Fields(known[section]), key):
			return nil, fmt.Errorf("%s:%d: the stand-in does not know %s in [%s]; look whether Grafana does", path, number+1, key, section)
		default:
			if found[section][key], err = expanded(strings.TrimSpace(value)); err != nil {
				return nil, fmt.Errorf("%s:%d: %s: %w", path, number+1, key, err)
			}
		}
	}
	return found, nil
}

func expanded(value string) (string, error) {
	var failure error
	value = fromFile.ReplaceAllStringFunc(value, func(reference string) string {
		content, err := os.ReadFile(fromFile.FindStringSubmatch(reference)[1])
		if err != nil {
			failure = err
		}
		return strings.TrimSpace(string(content))
	})
	return value, failure
}
